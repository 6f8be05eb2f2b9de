import { CommanderError } from 'commander'
import { exitCodes, reportError } from './exit-codes.js'
import { createProgram } from './program.js'
import { processTerminal, type Terminal } from './terminal.js'

/**
 * Runs the command line; `args` are what follows the program's name. Nothing is thrown: what goes wrong is told on
 * `terminal`.
 * @returns the exit code
 */
export async function run(
  args: readonly string[],
  terminal: Terminal = processTerminal,
  signal: AbortSignal = new AbortController().signal,
): Promise<number> {
  try {
    await createProgram(terminal, signal).parseAsync(args, { from: 'user' })
    return exitCodes.done
  } catch (error) {
    // Commander has told the user already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
    return reportError(error, terminal)
  }
}
