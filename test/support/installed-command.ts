// Programs that Debian has and npm has not.
import { execFileSync } from 'node:child_process'

/** The first of these that runs here. A user's PATH often has no /usr/sbin, so paths are worth naming. */
export function installedCommand(commands: readonly string[]): string | undefined {
  return commands.find((command) => {
    try {
      execFileSync(command, ['--version'], { stdio: 'ignore' })
      return true
    } catch {
      return false
    }
  })
}
