import type { Scene } from './stage.js'
import { type View, views } from './views.js'
import type { Table } from './workbench.js'

export interface SceneStyle {
  /** Opacity of the class colors over the photo, from 0 to 1. */
  readonly opacity: number
  /** Smallest probability of an edge that is drawn. */
  readonly threshold: number
  /** The class to highlight. */
  readonly highlight: number | undefined
}

/** Returns the chosen views of a table as a scene; undefined without a photo. */
export function sceneOf(
  { photo, results }: Table,
  { opacity, threshold, highlight }: SceneStyle,
): Scene | undefined {
  if (!photo) return undefined
  const layerOf = (view: View) => {
    const result = view === 'image' ? undefined : results[view.slot]
    if (view === 'image' || !result) return undefined
    const { picture } = result
    return { picture, style: { opacity, highlight, edges: view.edges && { threshold } } }
  }
  const [a, b] = views()
  return { photo, sides: [layerOf(a), layerOf(b)] }
}
