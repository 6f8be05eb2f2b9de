import { type Command, CommanderError } from 'commander'
import { exitCodes, reportEnd, reportError, reportUsage } from './exit-codes.js'
import { loadingError } from './loading-error.js'
import { Printer } from './printer.js'
import { createProgram } from './program.js'
import { processTerminal, type Terminal } from './terminal.js'

/**
 * Runs a command. It never throws, but prints errors to `terminal`.
 *
 * @param args the arguments after the program's name
 * @param terminal where to print; stdout and stderr by default
 * @param signal interrupts the command
 * @returns the exit code
 *
 * @example
 * const exitCode = await run(['inspect', 'model.pth'])
 */
export async function run(
  args: readonly string[],
  terminal: Terminal = processTerminal,
  signal: AbortSignal = new AbortController().signal,
): Promise<number> {
  const printer = new Printer(terminal, args)
  let command: Command | undefined
  try {
    const program = await createProgram(printer, signal, args).catch((error) => loadingError(error, printer))
    if (typeof program === 'number') return program
    program.hook('preAction', (_, action) => {
      command = action
    })
    await program.parseAsync(args, { from: 'user' })
    return reportEnd(printer)
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? exitCodes.done : reportUsage(error, printer)
    }
    return reportError(error, printer, signal, command)
  }
}
