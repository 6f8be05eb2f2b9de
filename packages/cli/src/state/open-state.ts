import { join } from 'node:path'
import type { Printer } from '../printer.js'
import { version } from '../version.js'
import type { Output } from './output-folder.js'
import { checkSamePlan, type RunPlan } from './run-plan.js'
import { type Accumulator, type AccumulatorKind, RunState, type StoredRun, setAside } from './run-state.js'

interface OpenState<A extends Accumulator> extends Omit<RunPlan, 'program'> {
  readonly output: Output
  /** The folder of the state. */
  readonly state: string
  /** What the folder has of the run; undefined to start anew. */
  readonly stored: StoredRun | 'damaged' | undefined
  /** What reports say about the run, beside its results. */
  readonly report?: object
  readonly kind: AccumulatorKind<A>
  /** Returns the files that an image is read from; undefined for one that is not there any more. */
  filesOf(name: string): readonly string[] | undefined
  readonly printer: Printer
}

/**
 * Starts a run, or goes on with the one in its folder.
 * @throws InverseFormError `invalid-argument`, naming the differences, if the folder has another run
 */
export async function openState<A extends Accumulator>({
  output,
  state,
  stored,
  report = {},
  kind,
  filesOf,
  printer,
  ...planned
}: OpenState<A>): Promise<RunState<A>> {
  const plan: RunPlan = { ...planned, program: version }
  const options = { state, plan, report: { ...report }, kind, lock: output.lock }
  if (stored === undefined) return RunState.start(options)
  if (stored === 'damaged') {
    const path = join(state, 'run.json')
    await setAside(path, printer)
    printer.note(
      `${path} is damaged, and is kept as run.json.damaged. Its parts say themselves that they are of this run.`,
    )
  } else checkSamePlan(plan, stored.plan, output.folder)
  return RunState.resume(options, { folder: output.folder, filesOf, printer })
}
