/** Heroku's router error codes that dozen uses: the words of the line, and one line of help for the page. */
export const CODES = {
  H10: { desc: 'App crashed', help: 'The app crashed. Its owner can see why with "dozen logs".' },
  H11: { desc: 'Backlog too deep', help: 'Too many requests wait for the app to start. Try again in a moment.' },
  H12: { desc: 'Request timeout', help: 'The app did not begin to answer within 30 seconds.' },
  H13: { desc: 'Connection closed without response', help: 'The app closed the connection without an answer.' },
  H14: { desc: 'No web processes running', help: 'No web process runs. Its owner can start one with "dozen ps:scale web=1".' },
  H15: { desc: 'Idle connection', help: 'Nothing was sent for 55 seconds.' },
  H17: { desc: 'Poorly formatted HTTP response', help: 'The app answered with something that is not valid HTTP.' },
  H18: { desc: 'Server Request Interrupted', help: 'The app closed the connection before the request was finished.' },
  H19: { desc: 'Backend connection timeout', help: 'The app did not accept a connection within 5 seconds.' },
  H20: { desc: 'App boot timeout', help: 'The app did not start within 75 seconds.' },
  H21: {
    desc: 'Backend connection refused',
    help: 'The app refused the connection. It may be restarting: try again in a moment.',
  },
  H22: { desc: 'Connection limit reached', help: 'The router has no connection left for the app. Try again in a moment.' },
  H27: { desc: 'Client Request Interrupted', help: 'The client closed the connection before the answer was complete.' },
  H28: { desc: 'Client Connection Idle', help: 'The client sent nothing for 55 seconds.' },
  H80: { desc: 'Maintenance mode', help: 'The app is being maintained. Come back in a while.' },
  H81: { desc: 'Blank app', help: 'Nothing is deployed yet. Its owner can deploy with "git push dozen main".' },
  H99: { desc: 'Platform error', help: 'The platform failed. Try again, and tell its operator the request id.' },
} as const
export type Code = keyof typeof CODES
