import { checkBoolean } from '@inverseform/errors'
import { checkSegmentOptions, type SegmentationInfo, type SegmentOptions } from '@inverseform/runtime'

export interface PictureOptions
  extends Pick<SegmentOptions, 'scales' | 'flip' | 'tile' | 'maxPixels' | 'signal' | 'onProgress'> {
  /** Whether to keep boundaries, which can then be drawn; by default, if the edge head is loaded. */
  readonly edges?: boolean
}

/** @throws `invalid-argument` */
export function checkPictureOptions(options: PictureOptions): void {
  checkSegmentOptions(options)
  if (options.edges !== undefined) checkBoolean('edges', options.edges)
}

/** Describes a picture. */
export interface PictureInfo extends SegmentationInfo {
  /** Whether the picture has boundaries to draw. */
  readonly edges: boolean
}
