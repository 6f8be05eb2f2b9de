import { openRegularFile } from '@inverseform/shared/node'

/** Whether a JSON file says at its start that it has a format of ours. */
export async function hasFormat(path: string, format: string): Promise<boolean> {
  try {
    const { handle } = await openRegularFile(path)
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(200), 0, 200, 0)
      return buffer.toString('utf8', 0, bytesRead).replace(/\s/g, '').startsWith(`{"format":"${format}",`)
    } finally {
      await handle.close()
    }
  } catch {
    return false
  }
}
