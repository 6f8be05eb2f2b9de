/** Where the published files are. */
export const RELEASE = 'https://github.com/Qualcomm-AI-research/InverseForm/releases/download/v1.0'

/** Facts about a published segmentation model. */
export interface ZooModel {
  readonly name: SegmentationModelName
  readonly title: string
  /** The published checkpoint's file name. */
  readonly file: string
  readonly url: string
  /** Arguments that select this model in the published code. */
  readonly upstream: { readonly arch: string; readonly hrnetBase: number }
  /** Published mean IoU on Cityscapes val in percent, trained without and with the InverseForm loss. */
  readonly publishedMiou: { readonly without: number; readonly with: number }
  /** Published number of weights with the edge head, in millions. */
  readonly parametersMillions: number
  /** The logits have one value per `stride` x `stride` pixels of the image. */
  readonly stride: number
  /** The smallest image side in pixels that the network accepts. */
  readonly minimumSize: number
  /** Whether the network combines several scales of an image by attention. */
  readonly multiScale: boolean
  /** Unit of the edge output before it is resized to the image. */
  readonly edgeOutput: 'logit' | 'probability'
  /** The weight whose first axis is the number of classes. */
  readonly classWeight: string
}

export type SegmentationModelName = 'hrnet18' | 'hrnet16-slim' | 'ocrnet48' | 'ocrnet48-hms'

/** The published segmentation models by name. Figures are from the InverseForm paper's code release, v1.0. */
export const zoo: Readonly<Record<SegmentationModelName, ZooModel>> = {
  hrnet18: {
    name: 'hrnet18',
    title: 'HRNet-W18',
    file: 'hrnet18_IF_checkpoint.pth',
    url: `${RELEASE}/hrnet18_IF_checkpoint.pth`,
    upstream: { arch: 'ocrnet.AuxHRNet', hrnetBase: 18 },
    publishedMiou: { without: 77.0, with: 77.6 },
    parametersMillions: 4.09,
    stride: 4,
    minimumSize: 1,
    multiScale: false,
    edgeOutput: 'logit',
    classWeight: 'hrhead.last_layer.2.weight',
  },
  'hrnet16-slim': {
    name: 'hrnet16-slim',
    title: 'HRNet-W16 slim',
    file: 'hr16s_4k_slim.pth',
    url: `${RELEASE}/hr16s_4k_slim.pth`,
    upstream: { arch: 'lighthrnet.HRNet16', hrnetBase: 16 },
    publishedMiou: { without: 76.1, with: 77.8 },
    parametersMillions: 3.26,
    stride: 8,
    minimumSize: 2,
    multiScale: false,
    edgeOutput: 'logit',
    classWeight: 'hrhead.last_layer.2.weight',
  },
  ocrnet48: {
    name: 'ocrnet48',
    title: 'HRNet-W48 with OCR',
    file: 'hrnet48_OCR_IF_checkpoint.pth',
    url: `${RELEASE}/hrnet48_OCR_IF_checkpoint.pth`,
    upstream: { arch: 'ocrnet.HRNet', hrnetBase: 48 },
    publishedMiou: { without: 86.0, with: 86.3 },
    parametersMillions: 70.9,
    stride: 4,
    minimumSize: 1,
    multiScale: false,
    edgeOutput: 'logit',
    classWeight: 'ocr.cls_head.weight',
  },
  'ocrnet48-hms': {
    name: 'ocrnet48-hms',
    title: 'HRNet-W48 with OCR, hierarchical multi-scale',
    file: 'hrnet48_OCR_HMS_IF_checkpoint.pth',
    url: `${RELEASE}/hrnet48_OCR_HMS_IF_checkpoint.pth`,
    upstream: { arch: 'ocrnet.HRNet_Mscale', hrnetBase: 48 },
    publishedMiou: { without: 86.7, with: 87.0 },
    parametersMillions: 72.7,
    stride: 4,
    minimumSize: 1,
    multiScale: true,
    edgeOutput: 'probability',
    classWeight: 'ocr.cls_head.weight',
  },
}

/** The published regressor of the InverseForm loss. */
export const inverseNetZoo = {
  name: 'inversenet',
  title: 'InverseNet, the InverseForm regressor',
  file: 'distance_measures_regressor.pth',
  url: `${RELEASE}/distance_measures_regressor.pth`,
  parametersMillions: 100.4,
} as const
