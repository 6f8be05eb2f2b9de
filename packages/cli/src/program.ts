import { Command } from 'commander'
import { addConvertCommand } from './commands/convert.js'
import { addDoctorCommand } from './commands/doctor.js'
import { addEvalCommand } from './commands/eval.js'
import { addInspectCommand } from './commands/inspect.js'
import { addLabelsCommand } from './commands/labels.js'
import { addMetricsCommand } from './commands/metrics.js'
import { addModelsCommand } from './commands/models.js'
import { addPredictCommand } from './commands/predict.js'
import { addSubmitCommand } from './commands/submit.js'
import { addTrainCommand } from './commands/train.js'
import { addTrainRegressorCommand } from './commands/train-regressor.js'
import type { Printer } from './printer.js'
import { version } from './version.js'

const help = `
Examples:
  inverseform predict photos/ --checkpoint hrnet16-slim
  inverseform help eval

Exit codes: 0 done, 1 internal error, 2 wrong usage, 3 unreadable or missing images, data set or file, 4 checkpoint,
5 output cannot be written, 6 memory or inference runtime, 7 diverged training, 130 interrupted.`

/** Creates the command line as a commander program. */
export function createProgram(printer: Printer, signal: AbortSignal): Command {
  const program = new Command('inverseform')
    .description('Boundary-aware semantic segmentation with the published InverseForm checkpoints')
    .version(version)
    .addHelpText('after', help)
    .configureOutput({ writeOut: (text) => printer.out(text), writeErr: (text) => printer.err(text) })
    .showHelpAfterError('hint: Add --help to see the options and examples.')
    .exitOverride()
  addEvalCommand(program, printer, signal)
  addPredictCommand(program, printer, signal)
  addTrainCommand(program, printer, signal)
  addTrainRegressorCommand(program, printer, signal)
  addMetricsCommand(program, printer, signal)
  addLabelsCommand(program, printer, signal)
  addSubmitCommand(program, printer, signal)
  addConvertCommand(program, printer, signal)
  addInspectCommand(program, printer, signal)
  addModelsCommand(program, printer, signal)
  addDoctorCommand(program, printer)
  return program
}
