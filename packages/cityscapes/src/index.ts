export { InverseFormError, type InverseFormErrorCode, isInverseFormError } from '@inverseform/errors'
export { colorize, edgeImage, edgeOverlay, errorColors, errorMask, overlay } from './coloring.js'
export { edgeMap } from './edges.js'
export {
  type IdArray,
  type IdMap,
  type IdSource,
  type LabelMapping,
  type LabelMappingOptions,
  labelMapping,
  reduceZeroLabel,
} from './label-mapping.js'
export {
  type Category,
  categories,
  classNames,
  IGNORE,
  type Label,
  labelIdToTrainId,
  labels,
  palette,
  type Rgb,
  toLabelIds,
  toTrainIds,
  trainIdToLabelId,
} from './labels.js'
export {
  type BootstrapInterval,
  type BootstrapOptions,
  bootstrap,
  type DatasetStatistic,
} from './metrics/bootstrap.js'
export {
  BoundaryF,
  type BoundaryFClassScores,
  type BoundaryFOptions,
  type BoundaryFScores,
  type BoundaryFState,
  type BoundaryFToleranceScores,
  davisTolerance,
  gatedScnnTolerances,
} from './metrics/boundary/boundary-f.js'
export {
  BoundaryIou,
  type BoundaryIouClassScores,
  type BoundaryIouOptions,
  type BoundaryIouRatioScores,
  type BoundaryIouScores,
  type BoundaryIouState,
} from './metrics/boundary/boundary-iou.js'
export { updateMetrics } from './metrics/boundary/class-maps.js'
export {
  type SurfaceClassScores,
  SurfaceDistances,
  type SurfaceDistancesOptions,
  type SurfaceDistancesState,
  type SurfaceScores,
} from './metrics/boundary/surface-distances.js'
export {
  type TrimapBandScores,
  TrimapIou,
  type TrimapIouOptions,
  type TrimapIouScores,
  type TrimapIouState,
} from './metrics/boundary/trimap-iou.js'
export {
  Calibration,
  type CalibrationOptions,
  type CalibrationScores,
  type CalibrationState,
  type ConfidentImage,
  type ReliabilityBin,
} from './metrics/calibration.js'
export {
  type AverageOptions,
  averageScore,
  type ClassCounts,
  type ClassMetric,
  type ClassScores,
  classScore,
} from './metrics/class-scores.js'
export { ConfusionMatrix, type ConfusionMatrixState, type SegmentationScores } from './metrics/confusion.js'
export { type ImageScores, type NamedImage, scoreImage, worstImages } from './metrics/image-scores.js'
export type { Metric, SegmentedImage } from './metrics/metric.js'
export {
  PixelLevelEvaluation,
  type PixelLevelEvaluationOptions,
  type PixelLevelEvaluationState,
  type PixelLevelImage,
} from './metrics/official/pixel-level.js'
export { type OfficialResult, officialJson, officialResult } from './metrics/official/result.js'
export type { CategoryScores, LabelScores, PixelLevelScores } from './metrics/official/scores.js'
export { officialMatrix, officialTables } from './metrics/official/tables.js'
export type { CountOptions, MetricOptions } from './metrics/options.js'
export {
  type PerImageClass,
  type PerImageEntry,
  type PerImageOptions,
  PerImageScores,
  type PerImageState,
  type PerImageSummary,
} from './metrics/per-image.js'
export {
  type CityscapesResults,
  cityscapesResults,
  type HuggingFaceResults,
  huggingFaceResults,
  type MmsegOptions,
  type MmsegResults,
  mmsegResults,
  presets,
} from './metrics/presets.js'
export type { StateHeader } from './metrics/state/declare-state.js'
export { type ScoreWarning, warningsText } from './metrics/warnings.js'
export {
  type DecodeLabelPngOptions,
  decodeLabelPng,
  encodeLabelPng,
  type LabelMap,
  MAX_LABEL_PIXELS,
} from './png.js'
export {
  type ParsePolygonsOptions,
  type PolygonAnnotation,
  type PolygonObject,
  parsePolygons,
} from './polygons/annotation.js'
export { type Canvas, fillPolygon } from './polygons/fill-polygon.js'
export {
  type DrawnObject,
  type DrawnPolygons,
  type DrawPolygonsOptions,
  drawPolygons,
  type LabelEncoding,
  type LabelImage,
  labelEncodings,
  labelImage,
} from './polygons/label-image.js'
export { confusionSvg } from './report/confusion-svg.js'
export type { ReportPartial, ReportSkipped } from './report/early-end.js'
export {
  type EvaluationReportOptions,
  evaluationReportHtml,
  type ReportComparison,
  type ReportRun,
} from './report/evaluation/evaluation-report.js'
export type { ReportImage, ReportPanel } from './report/images.js'
export { type MetricsReportOptions, metricsReportHtml } from './report/metrics/metrics-report.js'
export type { ReportFacts } from './report/parts.js'
export { classTable, scoreSummary } from './report/text/class-table.js'
export {
  type TrainingEvaluationRecord,
  type TrainingReportOptions,
  type TrainingStepRecord,
  trainingReportHtml,
} from './report/training/training-report.js'
