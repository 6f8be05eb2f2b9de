import { localCheckpoint } from '@inverseform/backbones/node'
import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import type { Command } from 'commander'
import { Progress } from '../output/text/progress.js'
import type { Printer } from '../printer.js'

/** What a checkpoint may be, for the help of options. */
export const CHECKPOINT = 'a published model such as hrnet16-slim, a URL, or a file'

/** Adds the checkpoint as an argument and as the flag that other commands have. `checkpointOf` returns it. */
export const addCheckpointArgument = (command: Command, formats: string): Command =>
  command
    .argument('[checkpoint]', `${CHECKPOINT} (${formats})`)
    .option('--checkpoint <name>', 'the same as the argument')

/**
 * Returns the checkpoint that was given as an argument or as `--checkpoint`.
 * @throws InverseFormError `invalid-argument` if both or none were given
 */
export function checkpointOf(
  command: Command,
  argument: string | undefined,
  flag: string | undefined,
): string {
  if (argument !== undefined && flag !== undefined) {
    throw new InverseFormError(
      'invalid-argument',
      `Two checkpoints were given: ${argument}, and ${flag} as --checkpoint.`,
      { hint: 'Pass one of them.' },
    )
  }
  const checkpoint = argument ?? flag
  if (checkpoint) return checkpoint
  throw new InverseFormError('invalid-argument', 'No checkpoint was given.', {
    hint: `Pass ${CHECKPOINT}: \`inverseform ${command.name()} --checkpoint hrnet16-slim\`. \`inverseform models\` lists the published models.`,
  })
}

/** Milliseconds between two updates of a line. */
const UPDATE_INTERVAL = 100

export interface FetchOptions {
  readonly printer: Printer
  readonly signal: AbortSignal
  /** The flag that was given, for the hint on a missing file. */
  readonly flag?: string
  readonly mirror?: string
}

/**
 * Returns the path of a checkpoint, and shows its download.
 * @throws InverseFormError as `localCheckpoint` of `@inverseform/backbones/node`
 */
export async function fetchCheckpoint(
  checkpoint: string,
  { printer, signal, flag, mirror }: FetchOptions,
): Promise<string> {
  let progress: Progress | undefined
  let isAnnounced = false
  let updated = Number.NEGATIVE_INFINITY
  const endLine = () => {
    progress?.end()
    progress = undefined
  }
  try {
    return await localCheckpoint(checkpoint, {
      signal,
      mirror,
      onNote(note) {
        endLine()
        printer.note(note)
      },
      onProgress(loaded, total = 0) {
        const now = performance.now()
        if (loaded !== total && now - updated < UPDATE_INTERVAL) return
        updated = now
        if (!progress) {
          if (!isAnnounced) printer.line(`Downloading ${checkpoint} …`)
          isAnnounced = true
          progress = new Progress(printer, 'MB', total / 1e6, loaded / 1e6)
          // Nothing has arrived yet, so there is no rate.
          return
        }
        progress.to(loaded / 1e6)
      },
    })
  } catch (error) {
    throw flag === undefined ? error : inWordsOfFlag(error, flag)
  } finally {
    endLine()
  }
}

function inWordsOfFlag(error: unknown, flag: string): unknown {
  if (!isInverseFormError(error) || typeof error.details.model !== 'string') return error
  const { code, message, details, cause } = error
  return new InverseFormError(code, message, {
    hint: `Pass ${flag} ${details.model}, and the published checkpoint is downloaded. Or check the path.`,
    details,
    cause,
  })
}
