import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import { readRegularFile } from '@inverseform/shared/node'
import type { Command, Option } from 'commander'
import { CommanderError } from 'commander'
import { parse } from 'yaml'

const MAX_BYTES = 2 ** 20

/** Values of options by the names of their flags, without dashes in front. */
export type Config = Readonly<Record<string, unknown>>

/**
 * Reads a config, a YAML or JSON file with an object of options.
 * @throws InverseFormError `not-found` or `unreadable`, naming the file and what is wrong in it
 */
export async function readConfig(path: string): Promise<Config> {
  const text = new TextDecoder().decode(await readRegularFile(path, { maxBytes: MAX_BYTES }))
  let value: unknown
  try {
    // JSON is YAML. Keys that appear twice are an error.
    value = parse(text, { maxAliasCount: 100 })
  } catch (cause) {
    throw invalid(
      path,
      `is not YAML or JSON: ${(cause as Error).message.split('\n')[0].replace(/[.:]$/, '')}`,
    )
  }
  // A file of comments alone has no options.
  if (value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) throw invalid(path, 'does not hold options')
  return value as Config
}

const invalid = (path: string, problem: string, hint?: string) =>
  new InverseFormError('unreadable', `${path} ${problem}.`, {
    hint: hint ?? 'Write one option per line, such as "steps: 2000", with the names of the flags.',
    details: { path },
  })

/** Flags that say where options come from or how to log, and so cannot be in a config. */
export const notKeys = ['config', 'resume', 'log-json', 'help']

/**
 * Sets the options of a command that the config has and that are not set yet. Keys are the names of flags, as
 * `learning-rate`, `learning_rate` or `learningRate`. Lists stand for values with commas.
 *
 * @throws InverseFormError `unreadable` for an unknown key, which lists the known ones, for one that is there twice, and for a value that the flag would not
 *   accept
 */
export function applyConfig(command: Command, config: Config, path: string): void {
  const options = new Map(
    command.options
      .filter((option) => !option.hidden && !notKeys.includes(option.name()))
      .map((option) => [nameOf(option), option]),
  )
  const keys = new Map<string, string>()
  for (const [key, value] of Object.entries(config)) {
    const name = key.replaceAll('_', '-').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    const option = options.get(name)
    if (!option) {
      throw invalid(
        path,
        `has the unknown key ${JSON.stringify(key)}`,
        `Use ${[...options.keys()].join(', ')}.`,
      )
    }
    const twin = keys.get(name)
    if (twin !== undefined) throw invalid(path, `has both ${twin} and ${key}`, 'Leave one of them out.')
    keys.set(name, key)
    const attribute = option.attributeName()
    const source = command.getOptionValueSource(attribute)
    if (value === null || (source !== undefined && source !== 'default')) continue
    command.setOptionValueWithSource(attribute, optionValue(option, key, value, path), 'config')
  }
}

/** JSON has no infinities, and no NaN. */
const textOf = (value: unknown): string => (typeof value === 'number' ? `${value}` : JSON.stringify(value))

/** The name of a flag without dashes in front and `no-`: `--no-flip` is the key `flip`. */
const nameOf = (option: Option): string => option.name().replace(/^no-/, '')

function optionValue(option: Option, key: string, value: unknown, path: string): unknown {
  if (option.isBoolean() || option.negate) {
    if (typeof value === 'boolean') return value
    throw invalid(path, `has ${key}: ${textOf(value)}, which must be true or false`)
  }
  const items = Array.isArray(value) ? value : [value]
  if (!items.every((item) => typeof item === 'string' || typeof item === 'number')) {
    throw invalid(path, `has ${key}: ${textOf(value)}, which must be a text, a number or a list of them`)
  }
  const text = items.join(',')
  try {
    return option.parseArg ? option.parseArg(text, undefined) : text
  } catch (error) {
    // Parsers of flags say what they accept.
    if (!(error instanceof CommanderError || isInverseFormError(error))) throw error
    throw invalid(path, `has ${key}: ${textOf(value)}, which is not valid`, error.message)
  }
}
