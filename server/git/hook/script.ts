/** What the pusher reads when the controller goes away before its verdict. */
export const GONE = ' !     dozen was stopped in the middle of this push. Nothing was changed by it; push again.'

/**
 * git's pre-receive hook in Perl, which git brings along on most systems: it is there in 5 ms, Node.js in 50, and every push waits for it. What it
 * says is in protocol.ts. `git archive` writes to the socket
 * itself and then closes that direction. Without --worktree-attributes it would first read the whole tree into memory, a hundred kilobytes of which may
 * stand for a thousand million files (ABUSE 32).
 */
export const PERL_HOOK = `#!/usr/bin/perl
use strict;
use Socket;
$SIG{PIPE} = 'IGNORE';
my $gone = q{${GONE}};
my @updates = <STDIN>;
my $hello = "push $ENV{DOZEN_PUSH} " . scalar(@updates) . "\\n" . join('', @updates);
socket(my $socket, PF_UNIX, SOCK_STREAM, 0) or finish();
connect($socket, pack_sockaddr_un($ENV{DOZEN_GIT_SOCKET})) or finish();
while (length $hello) {
  my $sent = syswrite($socket, $hello) or finish();
  $hello = substr($hello, $sent);
}
while (my $answer = <$socket>) {
  chomp $answer;
  if ($answer =~ /^send ([0-9a-f]{40,64})$/) { tree($1) }
  elsif ($answer =~ s/^line //) { print STDERR "$answer\\n" }
  else { exit($answer eq 'ok' ? 0 : 1) }
}
finish();

sub tree {
  my $commit = shift;
  defined(my $child = fork) or finish();
  return if $child;
  open(STDOUT, '>&', $socket);
  system('git', 'archive', '--format=tar', '--worktree-attributes', '--end-of-options', $commit);
  shutdown(STDOUT, 1);
  exec 'true';
}
sub finish { print STDERR "$gone\\n"; exit 1 }
`
