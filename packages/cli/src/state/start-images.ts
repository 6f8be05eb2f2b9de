import type { EventFields } from '../event-log.js'
import { Progress } from '../output/text/progress.js'
import type { Printer } from '../printer.js'
import { version } from '../version.js'

interface ImagesToDo extends EventFields {
  readonly command: string
  /** The id of the run, if it has a state. */
  readonly run: string | undefined
  readonly images: number
  /** Images that an earlier process has done. */
  readonly done: number
}

/** Says that a run starts or goes on, and returns its progress. */
export function startImages(printer: Printer, todo: ImagesToDo): Progress {
  const { images, done } = todo
  printer.log.start({ version, ...todo })
  if (done > 0) printer.note(`${done} of ${images} images are done already.`)
  return new Progress(printer, 'images', images, done)
}
