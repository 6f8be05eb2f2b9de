import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Returns the results of a folder without times and workers, and the bytes of its other files but the state. */
export async function contentsOf(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .filter((name) => !name.startsWith('state'))
  const contents = names.map(async (name) => {
    const text = await readFile(join(folder, name), 'latin1')
    return [name, name.endsWith('.json') || name.endsWith('.html') ? withoutTimes(text) : text]
  })
  return Object.fromEntries((await Promise.all(contents)).sort())
}

function withoutTimes(page: string): string {
  const text = page.replaceAll(/, \d+ workers/g, '')
  if (!text.startsWith('{')) return text.replace(/<th scope="row">time<\/th><td>[^<]*/, '')
  const { seconds, ...results } = JSON.parse(text)
  return JSON.stringify({ ...results, run: { ...results.run, time: '' } })
}
