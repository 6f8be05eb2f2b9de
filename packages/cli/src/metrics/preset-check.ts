import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import type { Command } from 'commander'
import type { SelectionFlags } from './selection.js'

/** Options that only the official evaluation has. */
export const officialOptions = ['ids', 'split', 'coarse', 'instances', 'officialJson']

interface PresetFlags extends SelectionFlags {
  readonly gt?: string
  readonly pred?: string
  readonly gtSuffix?: string
  readonly predSuffix?: string
  readonly classNames?: string
  readonly merge?: readonly string[]
}

/**
 * Checks that the options of a preset come with it, and it with what it needs. The hint is the whole command to run.
 * @throws InverseFormError `invalid-argument`
 */
export function checkPreset(flags: PresetFlags, command: Command): void {
  const { preset, merge, numClasses, classNames, ignoreIndex, reduceZeroLabel, gtSuffix, predSuffix } = flags
  if (merge !== undefined) return
  if (preset !== undefined) {
    const missing = [
      flags.gt === undefined && '--gt',
      flags.pred === undefined && '--pred',
      numClasses === undefined && classNames === undefined && '--num-classes (or --class-names)',
    ].filter((flag) => flag !== false)
    if (missing.length === 0) return
    throw new InverseFormError('invalid-argument', `--preset ${preset} needs ${missing.join(', ')}.`, {
      hint: `Run ${presetCommand(command)}.`,
    })
  }
  const given = Object.entries({
    '--num-classes': numClasses,
    '--class-names': classNames,
    '--ignore-index': ignoreIndex,
    '--reduce-zero-label': reduceZeroLabel,
    '--gt-suffix': gtSuffix,
    '--pred-suffix': predSuffix,
  }).filter(([, value]) => value !== undefined)
  if (given.length === 0) return
  const [names, verb] = [given.map(([flag]) => flag).join(', '), given.length === 1 ? 'needs' : 'need']
  throw new InverseFormError('invalid-argument', `${names} ${verb} --preset.`, {
    hint: `For plain folders of label maps, run ${presetCommand(command)}.`,
  })
}

/** Returns an error of the official evaluation. If there are no files of Cityscapes, it has the command for plain folders. */
export function inWordsOfPresets(error: unknown, command: Command): unknown {
  if (!isInverseFormError(error) || !error.hint?.includes('`matchByStem`')) return error
  const { code, message, details, cause } = error
  const hint = error.hint.replace(
    /For label maps with other names, use .*? differ\./,
    () =>
      `For plain folders of label maps, run ${presetCommand(command)}; add --gt-suffix and --pred-suffix where the ends ` +
      'of their names differ.',
  )
  return new InverseFormError(code, message, { hint, details, cause })
}

/** Returns the command that scores plain folders: with the options that were given, and those that are missing. */
function presetCommand(command: Command): string {
  const given = command.options
    .map((option) => ({ flag: option.long, name: option.attributeName() }))
    .filter(({ name }) => command.getOptionValueSource(name) === 'cli' && !officialOptions.includes(name))
    .flatMap(({ flag, name }) => {
      const value: unknown = command.getOptionValue(name)
      return value === true ? [flag] : [flag, quoted(String(value))]
    })
  const missing = Object.entries({ '--preset': 'plain', '--gt': 'TRUTH', '--pred': 'PREDICTIONS' })
    .filter(([flag]) => !given.includes(flag))
    .flat()
  const needsClasses = !given.includes('--num-classes') && !given.includes('--class-names')
  const line = [...given, ...missing, ...(needsClasses ? ['--num-classes', 'N'] : [])].join(' ')
  return `\`inverseform metrics ${line}\`${needsClasses ? ', where N is the number of classes' : ''}`
}

/** Quotes an argument for a shell, if it needs quotes. */
const quoted = (argument: string): string =>
  /^[\w./\\:=,@%+-]+$/.test(argument) ? argument : JSON.stringify(argument)
