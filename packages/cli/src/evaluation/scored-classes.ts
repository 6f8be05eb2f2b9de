import { classNames, type IdArray, IGNORE, labelMapping, toTrainIds } from '@inverseform/cityscapes'
import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import { readRegularFile } from '@inverseform/shared/node'

/** What the outputs of a network and the ids in the label files mean. */
export interface ScoredClasses {
  /** The number of classes that are scored. */
  readonly numClasses: number
  /** The target id of pixels that are not counted; 255 by default, null for none. */
  readonly ignoreIndex?: number | null
  /** Returns the classes of the ids in a label file. */
  readonly toTarget: (ids: Uint8Array) => Uint8Array
  /** Returns the classes of the network's labels; undefined where each output is the class of its number. */
  readonly toClasses?: (labels: IdArray) => Uint8Array
  /** What the outputs are, for a note; undefined where they are train ids. */
  readonly note?: string
}

/** The numbers of outputs of networks that were trained with the label ids 0 to 33, or also with the license plate. */
const LABEL_IDS = [34, 35]
const NUM_TRAIN_IDS = classNames.length

const HINT =
  'Pass --ids with a file that has the train id of each output, such as [255, 0, 1, …] (255: not a class). ' +
  'For another data set, pass --images and --gt with its folders.'

/**
 * Returns the classes of a network that is evaluated on Cityscapes.
 *
 * @param numOutputs the number of outputs of the network
 * @param ids `trainIds`, `labelIds` or the train id of each output; detected from the number of outputs by default
 * @throws InverseFormError `checkpoint-mismatch` if the network cannot have these outputs
 */
export function cityscapesClasses(
  numOutputs: number,
  ids?: 'trainIds' | 'labelIds' | readonly number[],
): ScoredClasses {
  const cityscapes = { numClasses: NUM_TRAIN_IDS, toTarget: toTrainIds }
  if (typeof ids === 'object') {
    checkMapping(ids, numOutputs)
    return {
      ...cityscapes,
      toClasses: labelMapping(ids) as (labels: IdArray) => Uint8Array,
      note: 'mapped to train ids as --ids says',
    }
  }
  if (numOutputs === NUM_TRAIN_IDS && ids !== 'labelIds') return cityscapes
  if (LABEL_IDS.includes(numOutputs) && ids !== 'trainIds') {
    return { ...cityscapes, toClasses: toTrainIds, note: 'read as label ids' }
  }
  const [what, accepted] = {
    trainIds: ['train ids', `${NUM_TRAIN_IDS}`],
    labelIds: ['label ids', LABEL_IDS.join(' or ')],
    detected: [
      'classes of Cityscapes',
      `${NUM_TRAIN_IDS} (train ids), or ${LABEL_IDS.join(' or ')} (label ids)`,
    ],
  }[ids ?? 'detected']
  throw new InverseFormError(
    'checkpoint-mismatch',
    `The network has ${numOutputs} outputs. Networks for the ${what} have ${accepted}.`,
    { hint: HINT, details: { numOutputs } },
  )
}

/**
 * Returns the classes of a network that is evaluated on the class ids of any data set.
 * @throws InverseFormError `checkpoint-mismatch` if the network has another number of outputs than there are classes
 */
export function plainClasses(
  numOutputs: number,
  {
    numClasses = numOutputs,
    ignoreIndex,
    toTarget = (ids) => ids,
  }: Partial<Pick<ScoredClasses, 'numClasses' | 'ignoreIndex' | 'toTarget'>>,
): ScoredClasses {
  if (numClasses === numOutputs) return { numClasses, ignoreIndex, toTarget }
  throw new InverseFormError(
    'checkpoint-mismatch',
    `The network has ${numOutputs} outputs, but the data set has ${numClasses} classes.`,
    { hint: 'Check --class-names and --checkpoint.', details: { numOutputs, numClasses } },
  )
}

/**
 * Reads what `--ids` of `eval` says: a kind of ids, or a JSON file with the train id of each output.
 * @throws InverseFormError `not-found` or `unreadable`
 */
export async function readIds(value: string): Promise<'trainIds' | 'labelIds' | readonly number[]> {
  if (value === 'trainIds' || value === 'labelIds') return value
  const ids = await readJson(value)
  if (Array.isArray(ids) && ids.every((id) => Number.isInteger(id))) return ids
  throw new InverseFormError('unreadable', `${value} must be a JSON list of integers.`, {
    hint: 'Write the train id of each output in order, such as [255, 0, 1]. 255 is not a class.',
    details: { path: value },
  })
}

async function readJson(path: string): Promise<unknown> {
  let text: string
  try {
    text = new TextDecoder().decode(await readRegularFile(path, { maxBytes: MAX_BYTES }))
  } catch (error) {
    if (!isInverseFormError(error) || error.code !== 'not-found') throw error
    throw new InverseFormError('not-found', error.message, {
      hint: 'Pass --ids trainIds, --ids labelIds, or a file with the train id of each output.',
      details: error.details,
      cause: error,
    })
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new InverseFormError('unreadable', `${path} is not JSON: ${(cause as Error).message}.`, {
      hint: 'Write the train id of each output in order, such as [255, 0, 1].',
      details: { path },
      cause,
    })
  }
}

const MAX_BYTES = 2 ** 20

function checkMapping(ids: readonly number[], numOutputs: number): void {
  if (ids.length !== numOutputs) {
    throw new InverseFormError(
      'checkpoint-mismatch',
      `The network has ${numOutputs} outputs, but --ids has ${ids.length} train ids.`,
      { hint: 'Write one train id for each output.', details: { numOutputs, ids: ids.length } },
    )
  }
  const wrong = ids.find((id) => !(id >= 0 && id < NUM_TRAIN_IDS) && id !== IGNORE)
  if (wrong === undefined) return
  throw new InverseFormError('invalid-argument', `--ids has the train id ${wrong}.`, {
    hint: `Train ids are 0 to ${NUM_TRAIN_IDS - 1}, and ${IGNORE} for outputs that are not a class.`,
  })
}
