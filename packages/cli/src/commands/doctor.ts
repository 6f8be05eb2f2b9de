import { diagnose } from '@inverseform/runtime-node'
import type { Command } from 'commander'
import { diagnosisText } from '../output/text/diagnosis.js'
import type { Terminal } from '../terminal.js'
import { version } from '../version.js'

export function addDoctorCommand(program: Command, terminal: Terminal): void {
  program
    .command('doctor')
    .description('Try every device of this machine, and show how to make the others usable')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Example:
  inverseform doctor --json > doctor.json`,
    )
    .action((flags) => doctorCommand(flags, terminal))
}

async function doctorCommand(flags: { readonly json?: boolean }, terminal: Terminal): Promise<void> {
  const diagnosis = await diagnose()
  const document = { format: 'inverseform.diagnosis', version: 1, inverseform: version, ...diagnosis }
  terminal.out(flags.json ? `${JSON.stringify(document, null, 2)}\n` : diagnosisText(diagnosis))
}
