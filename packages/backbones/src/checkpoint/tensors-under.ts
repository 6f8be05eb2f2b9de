import { InverseFormError } from '@inverseform/errors'
import type { CheckpointFile } from './file.js'
import { describe } from './pickle/values.js'
import type { CheckpointTensor } from './types.js'

/** Most prefixes that an error lists. */
const MOST_LISTED = 8

/**
 * Returns the tensors whose names start with a key and a dot, by the rest of their names.
 * @throws InverseFormError `invalid-argument` for a key that no name starts with; it lists the first parts of the names
 */
export function tensorsUnder(
  file: CheckpointFile,
  tensors: ReadonlyMap<string, CheckpointTensor>,
  key: string,
): ReadonlyMap<string, CheckpointTensor> {
  const prefix = `${key}.`
  const found = new Map<string, CheckpointTensor>()
  for (const tensor of tensors.values()) {
    if (!tensor.name.startsWith(prefix)) continue
    const name = tensor.name.slice(prefix.length)
    found.set(name, { ...tensor, name })
  }
  if (found.size > 0) return found
  const candidates = firstParts(tensors.keys())
  const listed = candidates
    .slice(0, MOST_LISTED)
    .map(({ key, tensors }) => `${describe(key)} (${tensors} tensor${tensors === 1 ? '' : 's'})`)
  throw new InverseFormError('invalid-argument', `${file.name}: nothing is at the key ${describe(key)}.`, {
    hint:
      listed.length === 0
        ? 'Leave `key` out: the names of the tensors have no common prefix.'
        : `Pass one of ${listed.join(', ')} as \`key\`, or leave it out.`,
    details: { key, candidates },
  })
}

/** Counts the tensors under each first part of their names. */
function firstParts(names: Iterable<string>): { key: string; tensors: number }[] {
  const counts = new Map<string, number>()
  for (const name of names) {
    const end = name.indexOf('.')
    if (end > 0) counts.set(name.slice(0, end), (counts.get(name.slice(0, end)) ?? 0) + 1)
  }
  return [...counts].map(([key, tensors]) => ({ key, tensors }))
}
