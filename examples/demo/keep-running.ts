import { once } from 'node:events'
import { PASSWORD } from './companies.js'
import { heading, print } from './printing.js'
import type { Stage } from './stage.js'

/** Prints what to try and waits for Ctrl-C. */
export async function keepRunning({ service, attacker, victim, tokenOf, truth, database }: Stage): Promise<void> {
  const [project] = await truth<{ id: string }>('SELECT id FROM projects WHERE tenant_id = $1 LIMIT 1', [victim.id])
  const as = (company: typeof victim): string => `curl -s -H 'Authorization: Bearer ${tokenOf(company)}'`
  const login = JSON.stringify({ email: `member1@${attacker.host}`, password: PASSWORD })

  heading('Try it', 'service and database run until Ctrl-C')
  print(`
# Log in; the host says which company.
curl -s -H 'Host: ${attacker.host}' -d '${login}' ${service}/login

# The same request, as ${attacker.name} and as ${victim.name}.
${as(attacker)} ${service}/report
${as(victim)} ${service}/report

# A project of ${victim.name}'s: it is there for ${victim.name}, and does not exist for ${attacker.name}.
${as(victim)} ${service}/projects/${project?.id}
${as(attacker)} ${service}/projects/${project?.id}

# A new project with two tasks, and all of it archived.
${as(attacker)} -d '{"name":"Mine","tasks":["One","Two"]}' ${service}/projects
${as(attacker)} -X POST ${service}/projects/<its id>/archive

# The database, as the service's role. Without a tenant there are no projects.
psql '${database.appUrl}' -c 'SELECT count(*) FROM projects'
`)
  // A server that listens keeps the process alive; a promise alone would not.
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), once(process, 'SIGHUP')])
}
