import { diagnose } from '@inverseform/runtime-node'
import type { Command } from 'commander'
import { diagnosisText } from '../output/text/diagnosis.js'
import type { Printer } from '../printer.js'
import { version } from '../version.js'

export function setUpDoctor(command: Command, printer: Printer): void {
  command
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Example:
  inverseform doctor --json > doctor.json`,
    )
    .action((flags) => doctorCommand(flags, printer))
}

async function doctorCommand(flags: { readonly json?: boolean }, printer: Printer): Promise<void> {
  const diagnosis = await diagnose()
  const document = { format: 'inverseform.diagnosis', version: 1, inverseform: version, ...diagnosis }
  if (flags.json) printer.json(document)
  else printer.out(diagnosisText(diagnosis))
}
