import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Starts with the slow files, so that all processes are busy to the end, and lets quick files share a process. */
export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => Number(isQuick(a)) - Number(isQuick(b)))
  }
}

const isQuick = ({ project }: TestSpecification) => project.name === 'quick'
