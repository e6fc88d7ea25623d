'use server'

import { cookies, headers } from 'next/headers.js'
import { redirect } from 'next/navigation.js'
import { answerTo, HttpError } from '../../http-service/http-error.js'
import { textOf } from '../../http-service/json-body.js'
import { logIn } from '../../http-service/login.js'
import { prisma, sessions } from '../server.js'
import { action } from '../tenant.js'

/** Nobody sets tenantId: the database takes it from the scope. */
export const createProject = action(async (form: FormData): Promise<void> => {
  const name = textOf(Object.fromEntries(form), 'name')
  try {
    await prisma.project.create({ data: { name } })
  } catch (error) {
    if (answerTo(error).status !== 409) throw error
    redirect(`/?${new URLSearchParams({ taken: name })}`)
  }
  redirect('/')
})

/** Before there is a session there is no scope: `logIn` finds the company of the address by itself. */
export async function openSession(form: FormData): Promise<void> {
  const host = ((await headers()).get('host') ?? '').replace(/:\d+$/, '').toLowerCase()
  try {
    const { token } = await logIn(prisma, sessions, host, Object.fromEntries(form))
    const cookie = await cookies()
    cookie.set('session', token, { httpOnly: true, sameSite: 'lax' })
  } catch (error) {
    if (!(error instanceof HttpError)) throw error
    redirect('/login')
  }
  redirect('/')
}
