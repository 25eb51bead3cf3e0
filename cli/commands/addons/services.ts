import { command, type JsonOption, type Make } from '../../command.ts'
import { JSON_OPTION, printList } from '../../listing.ts'
import type { AddonService, Plan } from '../../shapes.ts'

/** GET /addon-services */
export const services: Make = (context) =>
  command('addons:services', 'list the services that dozen has')
    .option(...JSON_OPTION)
    .action(async (options: JsonOption) => {
      const items = await context.api.list<AddonService>('/addon-services')
      const row = ({ name, human_name: long, state }: AddonService) => [name, long, state]
      printList(context, options, { items, title: 'Services', empty: 'This dozen has no services.', row })
    })

/** GET /addon-services/:service/plans */
export const plans: Make = (context) =>
  command('addons:plans', "list a service's plans")
    .argument('<service>', 'its name')
    .option(...JSON_OPTION)
    .action(async (service: string, options: JsonOption) => {
      const items = await context.api.list<Plan>(`/addon-services/${encodeURIComponent(service)}/plans`)
      const row = (plan: Plan) => [plan.default ? 'default' : '', plan.name, plan.description]
      printList(context, options, { items, title: `${service} Plans`, empty: `${service} has no plans.`, row })
    })
