import { join } from 'node:path'
import { confusionSvg, metricsReportHtml, worstImages } from '@inverseform/cityscapes'
import { writeWholeFile } from '@inverseform/shared/node'
import { type Counted, stateJson } from '../../metrics/state.js'
import { paletteOf } from '../palettes.js'
import { type LabeledPairs, writePairs } from './pictures.js'
import { type MetricsReport, metricsJson } from './report.js'

/** The files of a report beside its pictures; without counts by class only the first two are written. */
export const reportFiles = ['results.json', 'state.json', 'confusion.svg', 'index.html'] as const

/** What the files show besides the report itself. */
export interface ReportContents extends LabeledPairs {
  readonly counted: Counted
  /** Number of images of which to write pictures, the worst first. */
  readonly worst: number
}

/**
 * Writes results, state, confusion matrix, pictures of the worst images and the page.
 * @returns the path of the file to open
 */
export async function writeMetricsReport(
  folder: string,
  report: MetricsReport,
  { counted, worst, ...labeled }: ReportContents,
  signal: AbortSignal,
): Promise<string> {
  const { confusion, names, perImage } = report
  const [results, state, matrix, page] = reportFiles.map((name) => join(folder, name))
  await writeWholeFile(results, metricsJson(report))
  // A state of some images could be merged as if it were of all.
  if (report.partial === undefined) await writeWholeFile(state, stateJson(counted))
  if (confusion === undefined) return results
  await writeWholeFile(matrix, confusionSvg(confusion, names))
  const palette = report.palette ?? paletteOf(confusion.numClasses)
  const images = await writePairs(
    folder,
    report.partial === undefined ? worstImages(perImage?.images ?? [], worst) : [],
    labeled,
    palette,
    signal,
  )
  await writeWholeFile(page, metricsReportHtml({ ...report, classNames: names, confusion, palette, images }))
  return page
}
