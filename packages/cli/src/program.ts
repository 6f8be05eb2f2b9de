import { labelEncodings } from '@inverseform/cityscapes'
import { devices } from '@inverseform/runtime-node'
import { Command, Option } from 'commander'
import { convertCommand } from './commands/convert.js'
import { doctorCommand } from './commands/doctor.js'
import { type EvalFlags, evalCommand } from './commands/eval.js'
import { inspectCommand } from './commands/inspect.js'
import { type LabelsFlags, labelsCommand } from './commands/labels.js'
import { type MetricsFlags, metricsCommand } from './commands/metrics.js'
import { modelsCommand } from './commands/models.js'
import { type PredictFlags, predictCommand, predictionKinds } from './commands/predict.js'
import { type SubmitFlags, submitCommand } from './commands/submit.js'
import { presetNames } from './metrics-selection.js'
import {
  parseBoolean,
  parseCount,
  parseCountOrZero,
  parseDeviceIds,
  parseIgnoreIndex,
  parseModel,
  parseNames,
  parseSamples,
  parseScales,
  parseWords,
} from './options.js'
import type { Terminal } from './terminal.js'
import { version } from './version.js'

const exitCodeHelp = `
Exit codes: 0 done, 1 internal error, 2 wrong usage, 3 images, data set or a file that is not there, 4 checkpoint,
5 output cannot be written, 6 memory or inference runtime, 130 interrupted.`

/** The command line as commander's program: parses and calls, nothing else. */
export function createProgram(terminal: Terminal, signal: AbortSignal): Command {
  const program = new Command('inverseform')
    .description('Boundary-aware semantic segmentation with the published InverseForm checkpoints')
    .version(version)
    .addHelpText('after', exitCodeHelp)
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .exitOverride()

  withModelOptions(program.command('eval'))
    .description('Evaluate a checkpoint on a data set in the layout of Cityscapes')
    .option('--data <folder>', 'the data set; the environment variable CITYSCAPES_DATASET unless given')
    .option('--split <name>', 'train, val or test', 'val')
    .option('--limit <n>', 'only the first n images', parseCount)
    .option('--out <folder>', 'write the page, results.json and pictures here')
    .option('--pictures <n>', 'pictures of the first n images only, 0 for none', parseCountOrZero, 20)
    .option('--save-predictions', 'write label-id PNGs for submission, below --out')
    .option('--compare-edge-head', 'run also without the edge head and compare the labels')
    .option('--loss', 'the validation loss too; with the edge head, the joint loss')
    .option('--inversenet <file>', "the regressor's checkpoint, for the InverseForm term of --loss")
    .addOption(
      new Option('--inversenet-precision <type>', "how the regressor's 100 million weights are held")
        .choices(['float32', 'float16', 'int8'])
        .default('float32'),
    )
    .option('--json', 'print the results as JSON')
    .addOption(new Option('--output_dir <folder>', "upstream's name for --out").hideHelp())
    .action((flags: EvalFlags) => evalCommand(flags, terminal, signal))

  withModelOptions(program.command('predict'))
    .description('Segment images')
    .argument('<inputs...>', 'images, folders with images in and below them, globs')
    .option('--out <folder>', 'where to write', 'predictions')
    .option(
      '--outputs <kinds>',
      `what to write, of ${predictionKinds.join(', ')}; all unless given, edges with the edge head`,
      parseWords(predictionKinds),
    )
    .action((inputs: string[], flags: PredictFlags) => predictCommand(inputs, flags, terminal, signal))

  program
    .command('metrics')
    .description("Score label maps: Cityscapes' official evaluation, boundaries, other tools' figures")
    .option('--gt <folder>', 'the data set or a folder of truths; CITYSCAPES_DATASET unless given')
    .option(
      '--pred <folder>',
      'the predictions; CITYSCAPES_RESULTS, or results in the data set, unless given',
    )
    .option('--split <name>', 'folder in gtFine', 'val')
    .option('--no-instances', 'without instance-level scores')
    .addOption(
      new Option('--ids <kind>', 'what the predictions hold, labelIds unless given').choices([
        'labelIds',
        'trainIds',
      ]),
    )
    .option('--boundary', 'boundary F, Boundary IoU and the trimap curve too')
    .option('--surface', 'Hausdorff and surface distances too')
    .option(
      '--bootstrap [samples]',
      'confidence interval of the mean IoU; 1000 samples unless given',
      parseSamples,
    )
    .addOption(
      new Option('--preset <tool>', 'of any data set, by class ids, as this tool prints them')
        .choices(presetNames)
        .conflicts(['ids', 'split', 'instances', 'officialJson']),
    )
    .option('--classes <n>', 'with --preset: number of classes', parseCount)
    .option(
      '--ignore-index <id>',
      'with --preset: true id not counted, or none; 255 unless given',
      parseIgnoreIndex,
    )
    .option('--reduce-zero-label', 'with --preset: true id 0 is no class, 1 the first')
    .option('--gt-suffix <text>', 'with --preset: what the names of truths end in; .png unless given')
    .option(
      '--pred-suffix <text>',
      'with --preset: what stands there in those of predictions; .png unless given',
    )
    .option('--workers <n>', 'threads; one a core unless given', parseCountOrZero)
    .option('--official-json [file]', "write the official script's file, where it does unless given")
    .option('--json', 'print the results as JSON')
    .option('--out <folder>', 'write a page, results.json, state.json and pictures here')
    .option('--worst <n>', 'with --out: pictures of the n worst images; 10 unless given', parseCountOrZero)
    .option('--save-state <file>', 'write what was counted, for --merge')
    .addOption(
      new Option('--merge <files...>', 'merge what --save-state wrote instead of reading images').conflicts([
        ...['gt', 'pred', 'split', 'instances', 'ids', 'boundary', 'surface', 'classes', 'ignoreIndex'],
        ...['reduceZeroLabel', 'gtSuffix', 'predSuffix', 'workers', 'worst'],
      ]),
    )
    .action((flags: MetricsFlags) => metricsCommand(flags, terminal, signal))

  program
    .command('labels')
    .description('Draw label images from the polygons of a data set')
    .option('--data <folder>', 'the data set; the environment variable CITYSCAPES_DATASET unless given')
    .option('--split <names>', 'such as train,val; all unless given', parseNames)
    .option(
      '--encoding <kinds>',
      `what to draw, of ${labelEncodings.join(', ')}`,
      parseWords(labelEncodings),
      ['labelTrainIds'],
    )
    .option('--coarse', 'from gtCoarse instead of gtFine')
    .option('--out <folder>', 'write the same folders here; beside the polygons unless given')
    .option('--overwrite', 'replace label images that are there')
    .action((flags: LabelsFlags) => labelsCommand(flags, terminal, signal))

  program
    .command('submit')
    .description('Make predictions into a submission to the Cityscapes server')
    .requiredOption('--pred <folder>', 'PNGs of train ids, or of label ids in files ending in labelIds.png')
    .requiredOption('--out <path>', 'a .zip file or a folder')
    .option('--data <folder>', 'the data set, to check that no image is missing')
    .option('--split <name>', 'its split', 'test')
    .addOption(new Option('--ids <kind>', 'what all predictions hold').choices(['trainIds', 'labelIds']))
    .action((flags: SubmitFlags) => submitCommand(flags, terminal, signal))

  program
    .command('convert')
    .description('Write a checkpoint as ONNX (opset 17, dynamic sizes) or safetensors')
    .argument('<checkpoint>', 'a .pth or .safetensors file')
    .requiredOption('-o, --output <file>', 'the file to write: .onnx or .safetensors')
    .option('--model <name>', 'its model; found out from its tensors unless given', parseModel)
    .option('--has-edge', 'include the edge head')
    .option('--classes <n>', "number of classes; the checkpoint's unless given", parseCount)
    .option(
      '--feature-size',
      'leave the outputs as small as the network makes them, for runtimes that resize',
    )
    .action((checkpoint: string, flags) => convertCommand(checkpoint, flags, terminal, signal))

  program
    .command('inspect')
    .description('Show the tensors and metadata of a checkpoint')
    .argument('<checkpoint>', 'a .pth or .safetensors file')
    .option('--json', 'print JSON')
    .action((checkpoint: string, flags) => inspectCommand(checkpoint, flags, terminal))

  program
    .command('models')
    .description('Show the published models')
    .option('--json', 'print JSON')
    .action((flags) => modelsCommand(flags, terminal))

  program
    .command('doctor')
    .description('Show what networks can run on here, and what is missing for the other devices')
    .option('--json', 'print JSON')
    .action((flags) => doctorCommand(flags, terminal))

  return program
}

function withModelOptions(command: Command): Command {
  return command
    .option('--checkpoint <file>', 'a .pth, .safetensors or .onnx file')
    .option('--model <name>', 'its model; found out from its tensors unless given', parseModel)
    .option('--has-edge', 'use the edge head')
    .option('--classes <n>', "number of classes; the checkpoint's unless given", parseCount)
    .option('--scales <list>', 'scales to run, 1 among them, such as 0.5,1,2', parseScales)
    .option('--flip', 'average with the mirrored image')
    .addOption(
      new Option('--device <name>', 'where the network runs; auto takes the best there is')
        .choices(['auto', ...devices])
        .default('auto'),
    )
    .option(
      '--device-id <list>',
      'which of several GPUs, from 0: 1 or 0,1; cuda, tensorrt, dml',
      parseDeviceIds,
    )
    .addOption(
      new Option('--precision <type>', 'what the network computes in; float16 not on the CPU')
        .choices(['float32', 'float16'])
        .default('float32'),
    )
    .addOption(
      new Option('--self-check <mode>', 'what becomes of a device that disagrees with the CPU')
        .choices(['refuse', 'warn', 'skip'])
        .default('refuse'),
    )
    .option('--threads <n>', 'threads for the network; all cores unless given', parseCount)
    .addOption(new Option('--model_path <file>', "upstream's name for --checkpoint").hideHelp())
    .addOption(new Option('--arch <name>', "upstream's name of the model").hideHelp())
    .addOption(
      new Option('--hrnet_base <n>', "upstream's width of the backbone").argParser(parseCount).hideHelp(),
    )
    .addOption(
      new Option('--has_edge [boolean]', "upstream's name for --has-edge").argParser(parseBoolean).hideHelp(),
    )
    .addHelpText(
      'after',
      "\nUpstream's --model_path, --arch, --hrnet_base, --has_edge and --output_dir are understood too.",
    )
}
