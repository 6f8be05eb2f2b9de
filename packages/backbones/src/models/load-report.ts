import { InverseFormError } from '@inverseform/errors'
import { type CanonicalTensors, canonicalName } from './canonical-names.js'

/** How the tensors of a checkpoint were used. Names are the checkpoint's; those of `missing` are the model's. */
export interface LoadReport {
  readonly loaded: readonly string[]
  /** Parts of the published model that inference does not need: training heads, counters, an edge head left out. */
  readonly unused: readonly string[]
  /** Tensors that are not part of the model. */
  readonly unexpected: readonly string[]
  /** Weights that the checkpoint lacks. Loading throws if there are any. */
  readonly missing: readonly string[]
  /** Weights that have another shape in the checkpoint. Loading throws if there are any. */
  readonly mismatched: readonly {
    readonly name: string
    readonly expected: readonly number[]
    readonly found: readonly number[]
  }[]
}

/** Compares a checkpoint's tensors with the names and shapes that a model needs. */
export function compareTensors(
  tensors: CanonicalTensors,
  needed: ReadonlyMap<string, readonly number[]>,
): LoadReport {
  const report = {
    loaded: [] as string[],
    unused: [] as string[],
    unexpected: [] as string[],
    missing: [] as string[],
    mismatched: [] as { name: string; expected: readonly number[]; found: readonly number[] }[],
  }
  const neededByCanonical = new Map<string, string>()
  for (const [name, expected] of needed) {
    neededByCanonical.set(canonicalName(name), name)
    const tensor = tensors.get(canonicalName(name))
    if (!tensor) report.missing.push(name)
    else if (tensor.shape.join() !== expected.join()) {
      report.mismatched.push({ name: tensor.name, expected, found: tensor.shape })
    } else report.loaded.push(tensor.name)
  }
  for (const [canonical, tensor] of tensors) {
    if (neededByCanonical.has(canonical)) continue
    report[isTrainingOnly(canonical) ? 'unused' : 'unexpected'].push(tensor.name)
  }
  return report
}

/** Whether only training needs a tensor of the published state dicts, or it belongs to the edge head. */
function isTrainingOnly(canonical: string): boolean {
  return (
    /^(?:aux_head|edge_head|edgeocr_cls_head)\./.test(canonical) || canonical.endsWith('num_batches_tracked')
  )
}

/** @throws InverseFormError `checkpoint-mismatch` when a weight is missing or has another shape */
export function checkComplete(report: LoadReport, what: string, hint: () => string): void {
  const { missing, mismatched } = report
  if (missing.length + mismatched.length === 0) return
  const shapes = mismatched.map(({ name, expected, found }) => `${name} is [${found}], not [${expected}]`)
  const problems = [
    ...(missing.length > 0 ? [listed(`${counted(missing, 'is', 'are')} missing`, missing)] : []),
    ...(shapes.length > 0 ? [listed(`${counted(shapes, 'has', 'have')} another shape`, shapes)] : []),
  ]
  throw new InverseFormError('checkpoint-mismatch', `This is not ${what}: ${problems.join('; ')}.`, {
    hint: hint(),
    details: { missing, mismatched },
  })
}

function counted({ length }: readonly string[], singular: string, plural: string): string {
  return length === 1 ? `1 tensor ${singular}` : `${length} tensors ${plural}`
}

/** Formats a title and the first few items of a list. */
export function listed(title: string, items: readonly string[]): string {
  return items.length === 0
    ? title
    : `${title} (${items.slice(0, 3).join(', ')}${items.length > 3 ? ', …' : ''})`
}
