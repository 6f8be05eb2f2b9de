import { dirname } from 'node:path'
import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'
import { Command } from 'commander'
import type { Printer } from '../printer.js'
import { applyConfig, readConfig } from './config.js'
import { addTrainOptions } from './options.js'

/** Options that may change on the way, with a note: they are about the steps to come. */
const changeable = ['steps', 'learningRate', 'momentum', 'weightDecay', 'schedule', 'warmup', 'clip']
/** Options that leave the weights as they are, such as where the same data are now. */
const free = [
  ...['data', 'images', 'gt', 'valSplit', 'valImages', 'valGt', 'classNames'],
  ...['evaluateEvery', 'evaluateImages', 'saveEvery', 'pictures', 'threads', 'workers'],
  ...['out', 'resume', 'config'],
]

/**
 * Gives a command that resumes a run the options of that run, from its file.
 * @throws InverseFormError `invalid-argument` for an option that would make it another run; errors of {@link readConfig}
 */
export async function resumeOptions(command: Command, path: string, printer: Printer): Promise<void> {
  const given = { ...command.opts<Record<string, unknown>>() }
  const isGiven = (name: string) => ['cli', 'config'].includes(command.getOptionValueSource(name) ?? '')
  const config = await readConfig(path).catch((cause) => {
    if (!isInverseFormError(cause) || cause.code !== 'not-found') throw cause
    throw new InverseFormError('not-found', `${dirname(path)} has no run to resume.`, {
      hint: 'Pass the folder of the run as --out, or leave out --resume to start one.',
      cause,
    })
  })
  const recorded = addTrainOptions(new Command())
  applyConfig(recorded, config, path)
  const before = recorded.opts<Record<string, unknown>>()
  const differing = recorded.options.filter((option) => {
    const name = option.attributeName()
    return isGiven(name) && !free.includes(name) && `${given[name]}` !== `${before[name]}`
  })
  const [changes, others] = [true, false].map((isChange) =>
    differing.filter((option) => changeable.includes(option.attributeName()) === isChange),
  )
  const text = (of: typeof differing, values: Record<string, unknown>) =>
    listFew(of.map((option) => `${option.long} ${values[option.attributeName()] ?? '(default)'}`))
  if (others.length > 0) {
    throw new InverseFormError(
      'invalid-argument',
      `The run has ${text(others, before)}, got ${text(others, given)}.`,
      {
        hint: 'Leave these options out to go on with the run. For other options start a new run, from its weights with --checkpoint.',
      },
    )
  }
  if (changes.length > 0) {
    printer.note(`The run goes on with ${text(changes, given)}; it had ${text(changes, before)}.`)
  }
  applyConfig(command, config, path)
}
