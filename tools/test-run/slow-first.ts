import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { slowTests } from './slow-tests.js'

/** Starts with the longest files, so that no process is left with one at the end, and lets quick files share a process. */
export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => this.#place(a) - this.#place(b))
  }

  #place({ moduleId }: TestSpecification): number {
    const place = slowTests.indexOf(relative(this.ctx.config.root, moduleId).replaceAll('\\', '/'))
    return place < 0 ? slowTests.length : place
  }
}
