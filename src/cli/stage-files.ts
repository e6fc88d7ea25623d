import { chmod, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { TenancyError } from '../errors.js'

export interface StagedFiles {
  /** Puts all of them in place. */
  commit(): Promise<void>
  /** Takes everything back, and removes a folder that was made with them. */
  discard(folder?: string | undefined): Promise<void>
}

/**
 * Writes new contents beside the files they are for, so that a full disk or a missing right is met before the first of
 * them has changed.
 *
 * @throws TenancyError `CONFIG.INVALID` where one cannot be written; nothing has changed then
 */
export async function stageFiles(files: readonly { path: string; text: string }[]): Promise<StagedFiles> {
  const staged: { path: string; beside: string; before: string }[] = []
  const clear = async (): Promise<void> => {
    await Promise.all(staged.map(({ beside }) => rm(beside, { force: true })))
  }
  for (const { path, text } of files) {
    const beside = `${path}.tenancy`
    try {
      staged.push({ path, beside, before: await readFile(path, 'utf8') })
      await writeFile(beside, text)
      await chmod(beside, (await stat(path)).mode)
    } catch (cause) {
      await clear()
      throw new TenancyError('CONFIG.INVALID', `${path} cannot be written (${(cause as Error).message}).`, {
        hint: 'Nothing was written. Give this user the right to write there.',
        cause,
      })
    }
  }
  const replaced: typeof staged = []
  return {
    async commit() {
      for (const file of staged) {
        await rename(file.beside, file.path)
        replaced.push(file)
      }
    },
    async discard(folder) {
      for (const { path, before } of replaced) await writeFile(path, before)
      if (folder !== undefined) await rm(folder, { recursive: true, force: true })
      await clear()
    },
  }
}
