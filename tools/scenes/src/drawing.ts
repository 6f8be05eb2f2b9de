import { labels } from '@inverseform/cityscapes'
import { type Camera, type Pixel, type Point, projectPolygon } from './camera.js'
import { type Color, hex, mixed, scaled } from './color.js'

/** A random pattern that is multiplied onto a part. */
export interface Texture {
  /** Standard deviation of the factor. */
  readonly amount: number
  /** Size of its grains, in meters. */
  readonly grain: number
  /** Whether it lies on the ground, so that its grains shrink with the distance. */
  readonly isGround?: boolean
}

/** A set of pixels with one label and one texture. */
export interface Part {
  readonly labelId: number
  readonly instanceId: number
  readonly amount: number
  /** Size of the texture's grains: in pixels; on the ground in meters. */
  readonly grain: number
  readonly isGround: boolean
}

export interface Light {
  /** Toward the sun, of length 1. */
  readonly sun: Point
  /** Share of direct light, 0 under clouds. */
  readonly direct: number
  /** What far objects fade to, and the distance in meters over which 63 % of that happens. */
  readonly haze: Color
  readonly sight: number
}

const idOf = new Map(labels.map(({ name, id }) => [name, id]))
const labelsWithInstances = new Set(labels.filter(({ hasInstances }) => hasInstances).map(({ name }) => name))

/** Units of the SVGs per pixel: whole numbers are formatted much faster than fractions. */
const UNITS = 16

/**
 * Records a scene as two SVGs with the same shapes in the same order: the picture, and a map of parts without
 * anti-aliasing, where color i + 1 stands for part i. Labels are therefore exact at any size.
 */
export class Drawing {
  readonly camera: Camera
  readonly light: Light
  readonly parts: Part[] = []
  #picture: string[] = []
  #partMap: string[] = []
  #gradients: string[] = []
  #instances = new Map<string, number>()

  constructor(camera: Camera, light: Light) {
    this.camera = camera
    this.light = light
  }

  /**
   * Starts an object, or a group of surfaces, of a class.
   * @param depth its distance in meters: decides on haze and the size of grains
   */
  object(className: string, depth: number, texture: Texture = { amount: 0.03, grain: 0.1 }): DrawnObject {
    const labelId = idOf.get(className)!
    let instanceId = labelId
    if (labelsWithInstances.has(className)) {
      const count = this.#instances.get(className) ?? 0
      this.#instances.set(className, count + 1)
      instanceId = labelId * 1000 + count
    }
    const { amount, grain, isGround = false } = texture
    const pixels = isGround ? grain : (grain * this.camera.focal) / depth
    // Haze hides texture too.
    const clear = isGround ? 1 : Math.exp(-depth / this.light.sight)
    this.parts.push({ labelId, instanceId, amount: amount * clear, grain: pixels, isGround })
    return new DrawnObject(this, this.parts.length, depth)
  }

  /** Adds polygons. Part 0 leaves labels as they are. */
  add(
    part: number,
    polygons: readonly (readonly Pixel[])[],
    color: Color,
    opacity = 1,
    bottom?: Color,
  ): void {
    const { width, height } = this.camera
    let d = ''
    for (const pixels of polygons) {
      let [left, top, right, low] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, -1, -1]
      let area = 0
      let [x0, y0] = pixels.at(-1) ?? [0, 0]
      for (const [x, y] of pixels) {
        left = Math.min(left, x)
        right = Math.max(right, x)
        top = Math.min(top, y)
        low = Math.max(low, y)
        area += x0 * y - x * y0
        ;[x0, y0] = [x, y]
      }
      const isSeen = pixels.length > 2 && right > 0 && low > 0 && left < width && top < height
      // Marks much smaller than a pixel only cost time.
      if (!isSeen || (part === 0 && Math.abs(area) < 1)) continue
      d += 'M'
      for (const [x, y] of pixels) d += `${Math.round(x * UNITS)} ${Math.round(y * UNITS)} `
      d += 'Z'
    }
    if (d === '') return
    const see = opacity < 1 ? ` fill-opacity="${opacity.toFixed(3)}"` : ''
    this.#picture.push(`<path d="${d}" fill="${this.#paint(color, bottom)}"${see}/>`)
    if (part > 0) {
      this.#partMap.push(`<path d="${d}" fill="#${part.toString(16).padStart(6, '0')}"/>`)
    }
  }

  #paint(color: Color, bottom?: Color): string {
    if (bottom === undefined) return hex(color)
    const id = `g${this.#gradients.length}`
    const stops = `<stop stop-color="${hex(color)}"/><stop offset="1" stop-color="${hex(bottom)}"/>`
    this.#gradients.push(`<linearGradient id="${id}" x2="0" y2="1">${stops}</linearGradient>`)
    return `url(#${id})`
  }

  get picture(): string {
    return this.#svg(`<defs>${this.#gradients.join('')}</defs>${this.#picture.join('')}`)
  }

  get partMap(): string {
    return this.#svg(`<g shape-rendering="crispEdges">${this.#partMap.join('')}</g>`)
  }

  #svg(content: string): string {
    const { width, height } = this.camera
    const size = `width="${width}" height="${height}" viewBox="0 0 ${width * UNITS} ${height * UNITS}"`
    return `<svg xmlns="http://www.w3.org/2000/svg" ${size}>${content}</svg>`
  }
}

export interface FaceOptions {
  /** Color at the lower edge, for a gradient. */
  readonly bottom?: Color
  /** Of the picture alone: labels have no transparency. */
  readonly opacity?: number
}

/** An object being drawn. Its colors fade with its distance. */
export class DrawnObject {
  readonly #drawing: Drawing
  readonly #part: number
  readonly #depth: number

  constructor(drawing: Drawing, part: number, depth: number) {
    this.#drawing = drawing
    this.#part = part
    this.#depth = depth
  }

  /** The color of a surface with this outward normal in the light of the scene. */
  lit(color: Color, [x, y, z]: Point): Color {
    const { sun, direct } = this.#drawing.light
    const length = Math.hypot(x, y, z) || 1
    const cosine = Math.max(0, (x * sun[0] + y * sun[1] + z * sun[2]) / length)
    // The sky lights what faces up more than what faces down.
    return scaled(color, (1 - direct) * (0.85 + (0.15 * y) / length) + direct * (0.42 + 0.8 * cosine))
  }

  /** A polygon of this object. */
  face(points: readonly Point[], color: Color, options: FaceOptions = {}): void {
    this.pixels(projectPolygon(this.#drawing.camera, points), color, options)
  }

  /** A polygon given by its pixels. */
  pixels(pixels: readonly Pixel[], color: Color, { bottom, opacity }: FaceOptions = {}): void {
    this.#drawing.add(this.#part, [pixels], this.#fade(color), opacity, bottom && this.#fade(bottom))
  }

  /** Polygons of one color in the picture alone, such as windows in a facade. */
  marks(polygons: readonly (readonly Point[])[], color: Color, opacity = 1): void {
    const { camera } = this.#drawing
    this.#drawing.add(
      0,
      polygons.map((points) => projectPolygon(camera, points)),
      this.#fade(color),
      opacity,
    )
  }

  mark(points: readonly Point[], color: Color, opacity = 1): void {
    this.marks([points], color, opacity)
  }

  #fade(color: Color): Color {
    const { haze, sight } = this.#drawing.light
    return mixed(color, haze, 1 - Math.exp(-this.#depth / sight))
  }
}
