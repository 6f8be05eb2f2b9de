import { Command } from 'commander'
import type { Printer } from './printer.js'
import { version } from './version.js'

const help = `
Examples:
  inverseform predict photos/ --checkpoint hrnet16-slim
  inverseform help eval

Exit codes: 0 done, 1 internal error, 2 wrong usage, 3 unreadable or missing images, data set or file, 4 checkpoint,
5 output cannot be written, 6 memory, inference runtime or Redis, 7 diverged training, 8 done except for skipped images.
Stopped by a signal: 128 and its number, which is 130 for Ctrl-C, 143 for SIGTERM and 129 for SIGHUP.`

interface CommandEntry {
  readonly name: string
  readonly description: string
  /** Loads what adds arguments, options and action to the command. */
  load(): Promise<(command: Command, printer: Printer, signal: AbortSignal) => void>
}

const commands: readonly CommandEntry[] = [
  {
    name: 'eval',
    description: 'Evaluate a checkpoint on a data set in the layout of Cityscapes, or on plain folders',
    load: async () => (await import('./commands/eval.js')).setUpEval,
  },
  {
    name: 'merge',
    description: 'Merge the shards of an evaluation that ran on several machines',
    load: async () => (await import('./commands/merge.js')).setUpMerge,
  },
  {
    name: 'queue',
    description: 'Evaluate on many machines that take images from a queue in Redis',
    load: async () => (await import('./commands/queue.js')).setUpQueue,
  },
  {
    name: 'predict',
    description: 'Segment images',
    load: async () => (await import('./commands/predict.js')).setUpPredict,
  },
  {
    name: 'train',
    description: 'Train a network with the InverseForm loss',
    load: async () => (await import('./commands/train.js')).setUpTrain,
  },
  {
    name: 'train-regressor',
    description:
      'Train an InverseNet, the regressor of the InverseForm loss, on the boundaries of a data set',
    load: async () => (await import('./commands/train-regressor.js')).setUpTrainRegressor,
  },
  {
    name: 'metrics',
    description:
      'Score label maps as the official Cityscapes script or other tools do, and measure boundaries',
    load: async () => (await import('./commands/metrics.js')).setUpMetrics,
  },
  {
    name: 'labels',
    description: 'Draw label images from the polygons of a data set',
    load: async () => (await import('./commands/labels.js')).setUpLabels,
  },
  {
    name: 'submit',
    description: 'Prepare predictions for submission to the Cityscapes server',
    load: async () => (await import('./commands/submit.js')).setUpSubmit,
  },
  {
    name: 'convert',
    description:
      'Convert a checkpoint to ONNX (opset 17, dynamic sizes) or safetensors, or an ONNX file of ours',
    load: async () => (await import('./commands/convert.js')).setUpConvert,
  },
  {
    name: 'inspect',
    description: 'Show the tensors and metadata of a checkpoint',
    load: async () => (await import('./commands/inspect.js')).setUpInspect,
  },
  {
    name: 'models',
    description: 'List, download or remove the published models',
    load: async () => (await import('./commands/models.js')).setUpModels,
  },
  {
    name: 'doctor',
    description: 'Test every device of this machine, and show what the unusable ones need',
    load: async () => (await import('./commands/doctor.js')).setUpDoctor,
  },
]

/**
 * Creates the command line as a commander program.
 *
 * @param args loads only the command that these arguments name, since the libraries of all commands take several times as long as
 * Node itself; all commands by default
 */
export async function createProgram(
  printer: Printer,
  signal: AbortSignal,
  args?: readonly string[],
): Promise<Command> {
  const program = new Command('inverseform')
    .description('Boundary-aware semantic segmentation with the published InverseForm checkpoints')
    .version(version)
    .addHelpText('after', help)
    // A command that is not loaded has no arguments that could be listed.
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .configureOutput({
      writeOut: (text) => printer.out(text),
      // The log has wrong usage as its last event.
      writeErr: (text) => printer.log.isOn || printer.err(text),
    })
    .showHelpAfterError('hint: Add --help to see the options and examples.')
    .exitOverride()
  const [first, second] = args?.filter((arg) => !arg.startsWith('-')) ?? []
  const named = first === 'help' ? second : first
  for (const { name, description, load } of commands) {
    const command = program.command(name).description(description)
    if (args === undefined || name === named) (await load())(command, printer, signal)
  }
  return program
}
