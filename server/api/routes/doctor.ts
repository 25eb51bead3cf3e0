import { GET, ok, type Deps, type Route } from '../route.ts'

export const doctorRoutes = ({ useCases: { doctor } }: Deps): Route[] => [
  GET('/doctor', 'read', async (call) => ok(await doctor.findings(call.account))), // dozen doctor
]
