import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import { readRegularFile } from '@inverseform/shared/node'

/** The new id of each old id. */
export type IdPairs = ReadonlyMap<number, number>

const MAX_BYTES = 2 ** 20
const PAIR = /^\s*(-?\d+)\s*[=:]\s*(\d+)\s*$/
const HINT =
  'Pass pairs such as 255=1,254=0, or a file with one pair per line or a JSON object such as {"255": 1}.'

/**
 * Reads what `--map-ids` says: pairs of ids, or a file of them.
 * @throws InverseFormError `invalid-argument` for a pair that is not one; `not-found` or `unreadable` for the file
 */
export async function readIdMap(value: string): Promise<IdPairs> {
  if (/^[\s\d=,-]+$/.test(value)) {
    return parsePairs(value.split(','), (pair) => {
      return new InverseFormError('invalid-argument', `--map-ids has ${JSON.stringify(pair)}.`, {
        hint: HINT,
      })
    })
  }
  const text = await readText(value)
  const invalid = (pair: string) =>
    new InverseFormError('unreadable', `${value} has ${JSON.stringify(pair)}, which is not a pair of ids.`, {
      hint: HINT,
      details: { path: value },
    })
  return parsePairs(/^\s*\{/.test(text) ? jsonPairs(text, invalid) : linesOf(text), invalid)
}

function parsePairs(pairs: readonly string[], invalid: (pair: string) => InverseFormError): IdPairs {
  const map = new Map<number, number>()
  for (const pair of pairs) {
    const match = PAIR.exec(pair)
    const [from, to] = [Number(match?.[1]), Number(match?.[2])]
    if (match === null || map.has(from) || Math.abs(from) > 65_535 || to > 65_535) throw invalid(pair)
    map.set(from, to)
  }
  if (map.size === 0) throw invalid('')
  return map
}

/** Returns lines that are not empty, without comments. */
const linesOf = (text: string): string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.replace(/#.*/, ''))
    .filter((line) => line.trim() !== '')

function jsonPairs(text: string, invalid: (pair: string) => InverseFormError): string[] {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw invalid(text.slice(0, 20))
  }
  return Object.entries(json as object).map(([from, to]) => `${from}=${to}`)
}

async function readText(path: string): Promise<string> {
  try {
    return new TextDecoder().decode(await readRegularFile(path, { maxBytes: MAX_BYTES }))
  } catch (error) {
    if (!isInverseFormError(error) || error.code !== 'not-found') throw error
    throw new InverseFormError('not-found', `--map-ids: ${error.message}`, {
      hint: HINT,
      details: error.details,
      cause: error,
    })
  }
}
