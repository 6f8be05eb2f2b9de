import { decodeUtf8 } from './decode.js'
import type { CheckpointFile } from './file.js'
import { describe } from './pickle/values.js'

/** An object that JSON.parse built from a header. */
export type JsonObject = Readonly<Record<string, unknown>>

/**
 * Parses a safetensors header: an object of objects, whose values are strings, numbers or lists of numbers.
 *
 * Before it is parsed, one pass over the text refuses what a header cannot have: names that appear twice, of which
 * JSON.parse would drop one, deeper nesting, and more names than tensors are allowed. What is left takes memory in
 * proportion to the text.
 */
export function parseHeader(file: CheckpointFile, bytes: Uint8Array): JsonObject {
  const text = decodeUtf8(bytes)
  if (text === undefined) throw damaged(file, 'its safetensors header is not UTF-8')
  checkNames(file, text)
  let header: unknown
  try {
    header = JSON.parse(text)
  } catch (error) {
    throw damaged(file, `its safetensors header is not JSON: ${(error as Error).message}`)
  }
  if (!isObject(header)) throw damaged(file, 'its safetensors header is not a JSON object')
  return header
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Returns an error that points to the file, not to torch.save. */
export function damaged(file: CheckpointFile, found: string) {
  return file.invalid(
    found,
    'The file is damaged or was not written by safetensors: download or copy it again.',
  )
}

/** The header, a tensor's entry, and its lists. */
const MAX_DEPTH = 3
const tooDeep = `its safetensors header is nested more than ${MAX_DEPTH} deep`
const repeated = (name: string) => `its safetensors header has the name ${describe(name)} twice`
/** Names and lists of a tensor: its own name, `dtype`, `shape` and `data_offsets`. Metadata have names of their own. */
const PARTS_PER_TENSOR = 8

const QUOTE = 0x22
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const BACKSLASH = 0x5c
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** Compares the names of each object. Text that is not JSON is left to JSON.parse. */
function checkNames(file: CheckpointFile, text: string): void {
  /** The names of each open object; undefined for a list. */
  const open: (Set<string> | undefined)[] = []
  let parts = 0
  const count = () => {
    const most = PARTS_PER_TENSOR * file.limits.maxTensors
    file.check('maxTensors', ++parts, 'names and lists of the safetensors header', most)
  }
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (open.length === MAX_DEPTH) throw damaged(file, tooDeep)
      open.push(code === OPEN_BRACE ? new Set() : undefined)
      count()
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) open.pop()
    else if (code === QUOTE) {
      const end = endOfString(text, at)
      const names = open.at(-1)
      const next = skipSpace(text, end + 1)
      if (names && text.charCodeAt(next) === COLON) {
        const name = unescaped(text.slice(at, end + 1))
        if (names.has(name)) throw damaged(file, repeated(name))
        names.add(name)
        count()
      }
      at = end
    }
  }
}

/** Returns the place of the quote that ends a string. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++
    if (slashes % 2 === 0) return end
  }
  return text.length
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (at < text.length && ' \t\n\r'.includes(text[at])) at++
  return at
}

function unescaped(literal: string): string {
  if (!literal.includes('\\')) return literal.slice(1, -1)
  try {
    return JSON.parse(literal)
  } catch {
    return literal
  }
}
