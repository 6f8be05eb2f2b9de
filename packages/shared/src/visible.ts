/**
 * Characters that a reader does not see, or that change how the text around them is shown: controls, marks of direction,
 * zero-width characters, line separators, halves of characters, and characters of private use. `\t` and `\n` are not
 * among them.
 */
const HIDDEN = /(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu

/** Writes characters that are not visible as escapes, such as `\x1b` and `\u202e`. Keeps tabs and line ends. */
export const visible = (text: string): string => text.replace(HIDDEN, escapeOf)

/** As {@link visible}, in one line: also writes tabs and line ends as `\t` and `\n`. */
export const visibleLine = (text: string): string =>
  visible(text).replaceAll('\t', '\\t').replaceAll('\n', '\\n')

/** As `JSON.stringify`, without characters that are not visible: they are escaped as JSON escapes controls. */
export const visibleJson = (value: unknown, space?: number): string =>
  JSON.stringify(value, null, space).replace(HIDDEN, (character) =>
    Array.from({ length: character.length }, (_, i) => unit(character.charCodeAt(i))).join(''),
  )

function escapeOf(character: string): string {
  if (character === '\r') return '\\r'
  const code = character.codePointAt(0) as number
  if (code > 0xffff) return `\\u{${code.toString(16)}}`
  return code > 0xff ? unit(code) : `\\x${code.toString(16).padStart(2, '0')}`
}

const unit = (code: number): string => `\\u${code.toString(16).padStart(4, '0')}`
