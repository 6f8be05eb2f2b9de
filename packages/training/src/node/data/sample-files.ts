import type { IdMap, LabelMappingOptions } from '@inverseform/cityscapes'
import { type AnnotationType, openDataset } from '@inverseform/cityscapes/node'
import { InverseFormError } from '@inverseform/errors'
import { matchFolders, type PlainFolders, type SampleFile } from './match-folders.js'

/** A data set in the layout of Cityscapes. */
export interface CityscapesFolder {
  /** The folder with `leftImg8bit/` and `gtFine/`, as for `openDataset` of `@inverseform/cityscapes/node`. */
  readonly data?: string
  /** `train`, `val`, or another folder in `leftImg8bit/`. */
  readonly split: string
  /** Fine or coarse annotations. */
  readonly type?: AnnotationType
}

/** Where training images are, and what their label maps hold. */
export type SampleSource = (CityscapesFolder | PlainFolders) & {
  /**
   * The class of each id in the label maps. By default, label ids of Cityscapes become its 19 train ids, and ids of plain
   * folders stay as they are.
   */
  readonly idMap?: IdMap
  /**
   * What to do with ids that are not in `idMap`: an `error` (default for the layout of Cityscapes), `keep` them (default for plain
   * folders), or their class, such as 255 to ignore them.
   */
  readonly unmapped?: LabelMappingOptions['unmapped']
}

/** How the ids of label maps become classes. */
export type TargetIds =
  | 'labelIds'
  | 'classes'
  | { readonly map: IdMap; readonly unmapped: LabelMappingOptions['unmapped'] }

/** Files of samples. They can be sent between threads. */
export interface SampleFiles {
  readonly files: readonly SampleFile[]
  /** Names of images that have no label map, and so are left out. */
  readonly unlabeled: readonly string[]
  readonly ids: TargetIds
}

/**
 * Finds the images and label maps.
 * @throws InverseFormError as `openDataset` of `@inverseform/cityscapes/node`; `not-found` for plain folders without images or
 *   label maps; `invalid-dataset` for a label map without an image
 */
export async function findSampleFiles(source: SampleSource): Promise<SampleFiles> {
  const { idMap: map, unmapped = 'images' in source ? 'keep' : 'error' } = source
  const mapped = map === undefined ? undefined : { map, unmapped }
  if ('images' in source) {
    if ('data' in source || 'split' in source) {
      throw new InverseFormError('invalid-argument', '`images` cannot be used with `data` or `split`.', {
        hint: 'Pass `images` and `gt` for plain folders, or `data` and `split` for the layout of Cityscapes.',
      })
    }
    return { ...(await matchFolders(source)), ids: mapped ?? 'classes' }
  }
  const { data, split, type } = source
  const { samples } = await openDataset({ data, split, type, requireTarget: true })
  const files = samples.map(({ name, image, labelIds }) => ({ name, image, target: labelIds as string }))
  return { files, unlabeled: [], ids: mapped ?? 'labelIds' }
}
