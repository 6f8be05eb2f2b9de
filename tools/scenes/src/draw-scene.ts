import { checkInteger } from '@inverseform/errors'
import sharp from 'sharp'
import { finish } from './finish.js'
import { composeScene } from './scene.js'

export interface SceneOptions {
  /** In pixels, 32 or more. Scenes are composed for pictures twice as wide as high. */
  readonly width: number
  /** In pixels, 32 or more. */
  readonly height: number
  /** Only its lowest 32 bits count. */
  readonly seed: number
}

export interface Scene {
  /** RGB, height x width x 3. */
  readonly image: {
    readonly data: Uint8Array
    readonly width: number
    readonly height: number
    readonly channels: 3
  }
  /** Label ids of Cityscapes, height x width. */
  readonly labelIds: Uint8Array
  /** Label ids, or labelId · 1000 + n for the nth object of a class with instances, height x width. */
  readonly instanceIds: Uint16Array
}

/**
 * Draws a street scene with exact labels. The same options give the same pixels with the same version of sharp.
 * @throws InverseFormError `invalid-argument`
 */
export async function drawScene({ width, height, seed }: SceneOptions): Promise<Scene> {
  checkInteger('width', width, { min: 32, max: 8192 })
  checkInteger('height', height, { min: 32, max: 8192 })
  checkInteger('seed', seed)
  const drawing = composeScene(width, height, seed)
  const [picture, partMap] = await Promise.all([rasterize(drawing.picture), rasterize(drawing.partMap)])
  const { parts, camera } = drawing
  const partOf = new Uint32Array(width * height)
  const labelIds = new Uint8Array(width * height)
  const instanceIds = new Uint16Array(width * height)
  for (let i = 0; i < partOf.length; i++) {
    const part = ((partMap[4 * i] << 16) | (partMap[4 * i + 1] << 8) | partMap[4 * i + 2]) - 1
    partOf[i] = part
    labelIds[i] = parts[part].labelId
    instanceIds[i] = parts[part].instanceId
  }
  const data = finish(picture, partOf, parts, camera, seed)
  return { image: { data, width, height, channels: 3 }, labelIds, instanceIds }
}

/** Returns RGBA. */
const rasterize = (svg: string): Promise<Uint8Array> =>
  sharp(Buffer.from(svg), { unlimited: true }).ensureAlpha().raw().toBuffer()
