import { IGNORE } from '@inverseform/cityscapes'
import { checkByteArray, checkLength, InverseFormError } from '@inverseform/errors'
import { checkRgbImage, type RgbImage } from '@inverseform/runtime'

/** An image with its target, in memory. */
export interface LoadedSample {
  readonly image: RgbImage
  /** Train ids 0..numClasses-1, or 255 where ignored: one byte for each pixel of the image. */
  readonly target: Uint8Array
}

/** Train ids of an image. */
export interface Target {
  readonly width: number
  readonly height: number
  /** width · height bytes. */
  readonly data: Uint8Array
}

/** An image with its target, wherever they come from. */
export interface TrainingSample {
  /** What the sample is called in batches and messages. */
  readonly name: string
  /** Where the target comes from, such as a path, for messages about labels. */
  readonly target?: string
  /** Loads image and target. It is called once for each use of the sample. */
  load(): Promise<LoadedSample>
  /** Loads the target alone. Without it, `load` is called where only labels are needed. */
  loadTarget?(): Promise<Target>
}

/**
 * Loads a sample and checks it.
 * @throws InverseFormError `size-mismatch` for an image and a target of different sizes; `invalid-dataset` for a label out
 *   of range; errors of the sample's own `load`
 */
export async function loadSample(sample: TrainingSample, numClasses: number): Promise<LoadedSample> {
  const loaded = await sample.load()
  const { image, target } = loaded
  checkRgbImage(image, `image of ${sample.name}`)
  checkByteArray(`target of ${sample.name}`, target)
  const { width, height } = image
  if (target.length !== width * height) {
    throw new InverseFormError(
      'size-mismatch',
      `The target of ${sample.name} has ${target.length} pixels, its image has ${width}x${height}.`,
      { hint: 'Give each image a label map of its own size.', details: { name: sample.name } },
    )
  }
  checkLabels(sample, { width, height, data: target }, numClasses)
  return loaded
}

/**
 * Loads the target of a sample and checks its labels.
 * @throws InverseFormError as {@link loadSample}
 */
export async function loadTarget(sample: TrainingSample, numClasses: number): Promise<Target> {
  if (sample.loadTarget === undefined) {
    const { image, target } = await loadSample(sample, numClasses)
    return { width: image.width, height: image.height, data: target }
  }
  const target = await sample.loadTarget()
  checkByteArray(`target of ${sample.name}`, target.data)
  const size = target.width * target.height
  checkLength(`target of ${sample.name}`, target.data.length, size, 'one label for each pixel')
  checkLabels(sample, target, numClasses)
  return target
}

function checkLabels(sample: TrainingSample, { data, width }: Target, numClasses: number): void {
  for (let pixel = 0; pixel < data.length; pixel++) {
    const label = data[pixel]
    if (label < numClasses || label === IGNORE) continue
    const [row, column] = [Math.floor(pixel / width), pixel % width]
    const place = sample.target ?? sample.name
    throw new InverseFormError(
      'invalid-dataset',
      `${place} has the class ${label} at row ${row}, column ${column}, but ${numClasses} classes are 0 to ${numClasses - 1}, or 255 for ignored pixels.`,
      {
        hint: 'Check the number of classes, or map the ids of the label maps to classes with `idMap`. In the layout of Cityscapes, classes are train ids.',
        details: { name: sample.name, target: sample.target, label, row, column },
      },
    )
  }
}
