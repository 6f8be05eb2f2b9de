import type { ModelName } from '../models/identify.js'
import { inverseNetZoo, zoo } from '../models/zoo.js'

/** A file of the release. */
export interface PublishedFile {
  readonly model: ModelName
  readonly file: string
  readonly url: string
}

/** The checkpoints that have names. */
export const publishedFiles: readonly PublishedFile[] = [...Object.values(zoo), inverseNetZoo].map(
  ({ name, file, url }) => ({ model: name, file, url }),
)
