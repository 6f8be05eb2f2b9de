import { type SegmentationModelName, zoo } from '@inverseform/backbones'
import { InverseFormError } from '@inverseform/errors'
import {
  type Device,
  devices,
  type Precision,
  type SegmenterOptions,
  type SelfCheckOption,
} from '@inverseform/runtime-node'
import { type Command, Option } from 'commander'
import { CHECKPOINT } from './checkpoint.js'
import { parseBoolean, parseCount, parseDeviceIds, parseModel, parseScales, parseWorkers } from './parse.js'

/** The flags of commands that load a model; those with underscores are upstream's. */
export interface ModelFlags {
  readonly checkpoint?: string
  readonly key?: string
  readonly model?: SegmentationModelName
  readonly edgeHead?: boolean
  readonly hasEdge?: boolean
  readonly numClasses?: number
  readonly model_path?: string
  readonly arch?: string
  readonly hrnet_base?: number
  readonly has_edge?: boolean
}

/** The flags of commands that run a model. */
export interface SegmenterFlags extends ModelFlags {
  readonly scales?: number[]
  readonly flip?: boolean
  readonly device: Device | 'auto'
  readonly deviceId?: readonly number[]
  readonly precision: Precision | 'auto'
  readonly selfCheck: SelfCheckOption
  readonly threads?: number
  readonly workers?: number | 'auto'
  readonly modelCache: boolean
  readonly maxPixels?: number
}

/** Adds the option that chooses one of several state dicts in a file. */
export const addKeyOption = (command: Command): Command =>
  command.option('--key <name>', 'state dict in the checkpoint, such as model_ema (default: the only one)')

/** Adds the options that choose parts of a checkpoint. */
export function addModelOptions(command: Command): Command {
  return addKeyOption(command)
    .option('--model <name>', 'model of the checkpoint (default: inferred from its tensors)', parseModel)
    .option('--edge-head', 'load the edge head')
    .addOption(new Option('--has-edge', 'same as --edge-head').hideHelp())
    .option('--num-classes <n>', "number of classes (default: the checkpoint's)", parseCount)
}

/** The option that raises or lowers the limit on the pixels of one image. */
export const maxPixelsOption = (): Option =>
  new Option(
    '--max-pixels <n>',
    'refuse images with more than n pixels (default: 67108864, or fewer on machines with little memory)',
  ).argParser(parseCount)

/** Adds the options that say what to run, and where. */
export const addSegmenterOptions = (command: Command): Command => addDeviceOptions(addNetworkOptions(command))

/** Adds the options that say what to compute. */
export function addNetworkOptions(command: Command): Command {
  return addModelOptions(
    command.option('--checkpoint <name>', `checkpoint to load: ${CHECKPOINT} (.pth, .safetensors or .onnx)`),
  )
    .option(
      '--scales <list>',
      'run these scales, such as 0.5,1,2; 1 is required (default: 1, or 0.25,0.5,1,2 for multi-scale models)',
      parseScales,
    )
    .option('--flip', 'average with the mirrored image')
    .addOption(new Option('--model_path <file>', "upstream's --checkpoint").hideHelp())
    .addOption(new Option('--arch <name>', "upstream's model name").hideHelp())
    .addOption(
      new Option('--hrnet_base <n>', "upstream's width of the backbone").argParser(parseCount).hideHelp(),
    )
    .addOption(
      new Option('--has_edge [boolean]', "upstream's --edge-head").argParser(parseBoolean).hideHelp(),
    )
}

/** The option that says in which type to compute. */
export const precisionOption = (): Option =>
  new Option('--precision <type>', 'compute in this type; float16 needs a GPU')
    .choices(['auto', 'float32', 'float16'])
    .default('float32')

/** Adds the options that say where to compute, and how much at once. */
export function addDeviceOptions(command: Command, { precision = true } = {}): Command {
  command
    .addOption(
      new Option('--device <name>', 'device that runs the network; auto uses the best one')
        .choices(['auto', ...devices])
        .default('auto'),
    )
    .option(
      '--device-id <list>',
      'use these GPUs, numbered from 0, such as 1 or 0,1; with cuda, tensorrt or dml',
      parseDeviceIds,
    )
  if (precision) command.addOption(precisionOption())
  return command
    .addOption(
      new Option('--self-check <mode>', 'what to do if a device disagrees with the CPU')
        .choices(['refuse', 'warn', 'skip'])
        .default('refuse'),
    )
    .option('--threads <n>', 'run each network on n threads (default: the cores, shared)', parseCount)
    .option(
      '--workers <n>',
      'segment n images at the same time, or auto: as many as cores and memory allow (default: auto for several images)',
      parseWorkers,
    )
    .option('--no-model-cache', 'neither read nor keep the converted model in the cache folder')
    .addOption(maxPixelsOption())
}

/** The note below the options of commands that accept upstream's flags. */
export const upstreamFlagsHelp = `
The flags of the published code also work: --model_path, --arch, --hrnet_base, --has_edge, --output_dir.`

type ModelChoice = Pick<SegmenterOptions, 'model' | 'edgeHead' | 'numClasses'>

/** Returns the model, with or without its edge head, that our flags or upstream's name. */
export function modelChoice(flags: ModelFlags): ModelChoice {
  return {
    model: flags.model ?? upstreamModel(flags),
    edgeHead: flags.edgeHead ?? flags.hasEdge ?? flags.has_edge ?? false,
    numClasses: flags.numClasses,
  }
}

/**
 * Returns the options to create a segmenter.
 * @throws InverseFormError `invalid-argument` without a checkpoint
 */
export function segmenterChoice(flags: SegmenterFlags): SegmenterOptions & {
  readonly checkpoint: string
} {
  const choice = modelChoice(flags)
  const checkpoint = flags.checkpoint ?? flags.model_path
  if (!checkpoint) {
    throw new InverseFormError('invalid-argument', 'No checkpoint was given.', {
      hint: `Pass --checkpoint ${choice.model ?? 'hrnet16-slim'} to download the published one, or the path of a file; \`inverseform models\` lists all.`,
    })
  }
  const { key, device, deviceId, precision, selfCheck, threads, workers, modelCache, maxPixels } = flags
  const runs = { device, deviceId, precision, selfCheck, threads, workers, modelCache, maxPixels }
  return { checkpoint, key, ...choice, ...runs }
}

/** Several workers take longer to start, which a few images do not make up for. */
const FEW_IMAGES = 8

/** Returns the number of workers for a number of images. */
export const workersFor = (images: number): 1 | 'auto' => (images <= FEW_IMAGES ? 1 : 'auto')

/** Returns the model that upstream's `--arch` and `--hrnet_base` name. */
function upstreamModel({ arch, hrnet_base }: ModelFlags): SegmentationModelName | undefined {
  if (arch === undefined && hrnet_base === undefined) return undefined
  const found = Object.values(zoo).find(
    ({ upstream }) =>
      (arch === undefined || arch === upstream.arch) &&
      (hrnet_base === undefined || hrnet_base === upstream.hrnetBase),
  )
  if (found) return found.name
  const published = Object.values(zoo).map(({ upstream }) => upstreamFlags(upstream.arch, upstream.hrnetBase))
  const given = upstreamFlags(arch, hrnet_base)
  throw new InverseFormError('invalid-argument', `No published model has ${given}.`, {
    hint: `The published models have ${published.join('; ')}.`,
  })
}

/** Returns upstream's flags as a user writes them. */
export function upstreamFlags(arch: string | undefined, hrnetBase: number | undefined): string {
  const flags = [
    arch !== undefined && `--arch ${arch}`,
    hrnetBase !== undefined && `--hrnet_base ${hrnetBase}`,
  ]
  return flags.filter(Boolean).join(' ')
}
