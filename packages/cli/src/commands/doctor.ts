import { diagnose } from '@inverseform/runtime-node'
import { diagnosisText } from '../output/diagnosis-text.js'
import type { Terminal } from '../terminal.js'
import { version } from '../version.js'

/** Shows what networks can run on here, and what to do for the devices that are not usable. */
export async function doctorCommand(flags: { readonly json?: boolean }, terminal: Terminal): Promise<void> {
  const diagnosis = await diagnose()
  terminal.out(
    flags.json
      ? `${JSON.stringify({ format: 'inverseform.diagnosis', version: 1, inverseform: version, ...diagnosis }, null, 2)}\n`
      : diagnosisText(diagnosis),
  )
}
