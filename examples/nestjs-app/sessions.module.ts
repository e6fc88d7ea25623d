import { Global, Module } from '@nestjs/common'
import { Sessions } from '../http-service/sessions.js'

export const SESSIONS = Symbol('sessions')

@Global()
@Module({ providers: [{ provide: SESSIONS, useFactory: () => new Sessions() }], exports: [SESSIONS] })
export class SessionsModule {}
