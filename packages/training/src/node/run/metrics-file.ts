import { closeSync, openSync, writeSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { TrainingEvaluationRecord, TrainingStepRecord } from '@inverseform/cityscapes'
import { InverseFormError } from '@inverseform/errors'
import { writeWholeFile } from '@inverseform/shared/node'

/** What a run has reported so far. */
export interface RunHistory {
  readonly steps: TrainingStepRecord[]
  readonly evaluations: TrainingEvaluationRecord[]
}

/** Keys of a step's line that are not terms of the loss. */
const stepKeys = ['step', 'loss', 'learningRate', 'imagesPerSecond']

/** Returns a step as a line of JSON: `step`, `loss`, each term, `learningRate`, `imagesPerSecond`. */
export function stepLine({ step, loss, terms, learningRate, imagesPerSecond }: TrainingStepRecord): string {
  const clash = Object.keys(terms).find((name) => stepKeys.includes(name))
  if (clash !== undefined) {
    throw new InverseFormError('invalid-argument', `A term of the loss cannot be named ${clash}.`, {
      hint: 'Name it otherwise: metrics.jsonl has this key for something else.',
    })
  }
  return `${JSON.stringify({ step, loss, ...terms, learningRate, imagesPerSecond })}\n`
}

/** Returns an evaluation as a line of JSON: `step`, `meanIou`, `boundaryF` by tolerance, `classIou`. NaN becomes null. */
export function evaluationLine({ step, meanIou, boundaryF, classIou }: TrainingEvaluationRecord): string {
  return `${JSON.stringify({ step, meanIou, boundaryF, classIou })}\n`
}

/**
 * Reads metrics.jsonl as far as a step, and removes the lines after it: of later steps, and one that was cut off when the
 * run was killed. The file is replaced as a whole.
 */
export async function readMetrics(path: string, lastStep: number): Promise<RunHistory> {
  const text = await readFile(path, 'utf8')
  const history: RunHistory = { steps: [], evaluations: [] }
  let kept = ''
  // After the last line end there is nothing, or a line that was cut off.
  for (const [i, line] of text.split('\n').slice(0, -1).entries()) {
    const record = parseLine(line)
    if (!record) {
      throw new InverseFormError('unreadable', `${path}: line ${i + 1} is not a step or an evaluation.`, {
        hint: 'Remove the line, or train into another folder.',
      })
    }
    if (record.step > lastStep) continue
    kept += `${line}\n`
    if ('meanIou' in record) history.evaluations.push(record)
    else history.steps.push(record)
  }
  if (kept !== text) await writeWholeFile(path, kept)
  return history
}

function parseLine(line: string): TrainingStepRecord | TrainingEvaluationRecord | undefined {
  let value: Record<string, unknown> | null
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || !Number.isInteger(value.step)) return undefined
  const number = (found: unknown): number => (typeof found === 'number' ? found : Number.NaN)
  const step = number(value.step)
  if ('meanIou' in value) {
    const { meanIou, boundaryF, classIou } = value
    if (typeof boundaryF !== 'object' || boundaryF === null || !Array.isArray(classIou)) return undefined
    const at = (tolerance: number) => number((boundaryF as Record<number, unknown>)[tolerance])
    return { step, meanIou: number(meanIou), boundaryF: { 1: at(1), 3: at(3), 5: at(5) }, classIou }
  }
  const { loss, learningRate, imagesPerSecond } = value
  const terms = Object.entries(value).filter(([name]) => !stepKeys.includes(name))
  return {
    step,
    loss: number(loss),
    terms: Object.fromEntries(terms.map(([name, term]) => [name, number(term)])),
    learningRate: number(learningRate),
    imagesPerSecond: number(imagesPerSecond),
  }
}

/** A file to which bytes are added. What `add` has written stays when the process is killed. */
export class GrowingFile {
  readonly #path: string
  #handle: number | undefined

  /** @param flags `a` to add to the file, `wx` for a new one */
  constructor(path: string, flags: 'a' | 'wx') {
    this.#path = path
    this.#handle = this.#try(() => openSync(path, flags))
  }

  add(bytes: Uint8Array | string): void {
    const whole = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
    const handle = this.#handle
    if (handle === undefined) throw new InverseFormError('disposed', `${this.#path} is closed.`)
    for (let done = 0; done < whole.byteLength; ) {
      done += this.#try(() => writeSync(handle, whole, done))
    }
  }

  close(): void {
    if (this.#handle !== undefined) closeSync(this.#handle)
    this.#handle = undefined
  }

  #try<T>(operation: () => T): T {
    try {
      return operation()
    } catch (cause) {
      throw new InverseFormError(
        'write-failed',
        `${this.#path} could not be written: ${(cause as Error).message}.`,
        { cause, hint: 'Check the folder and the disk, then resume the run.' },
      )
    }
  }
}
