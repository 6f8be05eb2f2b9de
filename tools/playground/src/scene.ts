import { classColours } from './classes.js'
import type { Scene } from './stage.js'
import { type View, views } from './views.js'
import type { Table } from './workbench.js'

export interface SceneStyle {
  /** Of the classes' colours over the photo, 0 to 1. */
  readonly opacity: number
  /** The probability from which on an edge is drawn. */
  readonly threshold: number
  /** The class to bring out. */
  readonly highlight: number | undefined
}

/** What the two sides show as they are chosen; nothing while there is no photo. */
export function sceneOf(
  { photo, results }: Table,
  { opacity, threshold, highlight }: SceneStyle,
): Scene | undefined {
  if (!photo) return undefined
  const layerOf = (view: View) => {
    const result = view === 'image' ? undefined : results[view.slot]
    if (view === 'image' || !result) return undefined
    const { picture } = result
    const edges = view.edges && { threshold }
    return { picture, style: { opacity, highlight, edges, colors: classColours(picture.classes) } }
  }
  const [a, b] = views()
  return { photo, sides: [layerOf(a), layerOf(b)] }
}
