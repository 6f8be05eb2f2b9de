import { InverseFormError } from '@inverseform/errors'
import { canonicalName, type TensorsUnder } from './canonical-names.js'

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
  { tensors, twins, outside }: TensorsUnder,
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
  for (const tensor of [...twins.values(), ...outside]) report.unexpected.push(tensor.name)
  return report
}

export function isComplete({ missing, mismatched }: LoadReport): boolean {
  return missing.length + mismatched.length === 0
}

/** Whether only training needs a tensor of the published state dicts, or it belongs to the edge head. */
function isTrainingOnly(canonical: string): boolean {
  return (
    /^(?:aux_head|edge_head|edgeocr_cls_head)\./.test(canonical) || canonical.endsWith('num_batches_tracked')
  )
}

/** @throws InverseFormError `checkpoint-mismatch` when a weight is missing or has another shape */
export function checkComplete(report: LoadReport, what: string, hint: () => string): void {
  if (isComplete(report)) return
  const { missing, mismatched } = report
  throw new InverseFormError('checkpoint-mismatch', `This is not ${what}: ${problemsOf(report)}.`, {
    hint: hint(),
    details: { missing, mismatched },
  })
}

/** Says which weights are missing or have another shape. */
export function problemsOf({ missing, mismatched }: LoadReport): string {
  const shapes = mismatched.map(({ name, expected, found }) => `${name} is [${found}], not [${expected}]`)
  const problems = [
    ...(missing.length > 0 ? [listed(`${counted(missing, 'is', 'are')} missing`, missing)] : []),
    ...(shapes.length > 0 ? [listed(`${counted(shapes, 'has', 'have')} another shape`, shapes)] : []),
  ]
  return problems.join('; ')
}

function counted({ length }: readonly string[], singular: string, plural: string): string {
  return length === 1 ? `1 tensor ${singular}` : `${length} tensors ${plural}`
}

/** Formats a title and the first few items of a list. */
export function listed(title: string, items: readonly string[]): string {
  return items.length === 0
    ? title
    : `${title} (${items.slice(0, 3).map(shortened).join(', ')}${items.length > 3 ? ', …' : ''})`
}

const shortened = (text: string) => (text.length > 100 ? `${text.slice(0, 100)}…` : text)

/** Quotes a text from a file, shortened for an error message. */
export const quoted = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
