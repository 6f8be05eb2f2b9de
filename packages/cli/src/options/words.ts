import type { Command } from 'commander'

/** Flags whose names are not those of the library's options, in the order of preference. */
const flagsOf: Readonly<Record<string, readonly string[]>> = {
  data: ['--data', '--gt'],
  targets: ['--gt', '--data'],
  predictions: ['--pred'],
  targetSuffix: ['--gt-suffix'],
  predictionSuffix: ['--pred-suffix'],
  predictionIds: ['--ids'],
  targetIds: ['--ids'],
  type: ['--coarse'],
  idMap: ['--map-ids'],
  instances: ['--no-instances'],
  cropSize: ['--crop'],
  batchSize: ['--batch'],
}

/** What a hint may say to programs alone, and the flag that does the same. */
const phrases: readonly (readonly [pattern: RegExp, flag: string])[] = [
  [/\{ instances: false \}/g, '--no-instances'],
  [/\btargetIds: 'trainIds'/g, '--ids trainIds'],
  [/\{ type: 'gtCoarse' \}/g, '--coarse'],
  [/`matchByStem`/g, '--preset plain'],
  [/\{ 255: 1 \}/g, '--map-ids 255=1'],
  [/\bpredictionIds: 'trainIds'/g, '--ids trainIds'],
]

/** Options that messages name as what the user passed. Messages about other options keep the library's words. */
const inMessages: readonly string[] = [
  ...['key', 'maxPixels', 'data', 'targets', 'predictions', 'out', 'threads', 'workers'],
  ...['numClasses', 'cropSize', 'batchSize', 'clip', 'ema', 'freeze'],
]

/** Puts the flags of a command into a message that names the options of the library, such as `data`. */
export const messageInWordsOf = (command: Command | undefined, message: string): string =>
  message.replace(/`([a-z][A-Za-z]*)`/g, (quoted, name: string) =>
    inMessages.includes(name) ? inWordsOf(command, quoted) : quoted,
  )

/** Puts the flags of a command into a hint that names the options of the library. */
export function inWordsOf(command: Command | undefined, hint: string): string {
  if (command === undefined) return hint
  const flags = new Set(command.options.map(({ long }) => long))
  const withPhrases = phrases.reduce(
    (text, [pattern, flag]) => (flags.has(flag.split(' ')[0]) ? text.replace(pattern, flag) : text),
    hint,
  )
  return withPhrases.replace(/`([a-z][A-Za-z]*)`/g, (quoted, name: string) => {
    const kebab = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    return [...(flagsOf[name] ?? []), kebab].find((flag) => flags.has(flag)) ?? quoted
  })
}
