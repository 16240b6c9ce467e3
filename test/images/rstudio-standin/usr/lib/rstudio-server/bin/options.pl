# The options that RStudio Server 2025.05 knows, and how it takes them: from a file, then from the command line.
use strict;
use warnings;

our %known = (
    rserver => [qw(
        server-working-dir server-user server-daemonize server-pid-file server-set-umask secure-cookie-key-file
        server-data-dir server-add-header www-address www-port www-root-path www-thread-pool-size www-proxy-localhost
        www-verify-user-agent www-same-site www-frame-origin www-enable-origin-check www-allow-origin
        session-use-file-storage rsession-which-r rsession-path rldpath-path rsession-ld-library-path
        rsession-config-file rsession-proxy-max-wait-secs database-config-file auth-none auth-validate-users
        auth-stay-signed-in-days auth-timeout-minutes auth-encrypt-password auth-login-page-html auth-required-user-group
        auth-minimum-user-id auth-pam-helper-path auth-pam-require-password-prompt auth-sign-in-throttle-seconds
        auth-revocation-list-dir auth-cookies-force-secure monitor-interval-seconds
    )],
    rsession => [qw(
        docs-url session-connections-block-suspend session-external-pointers-block-suspend session-timeout-minutes
        session-timeout-suspend session-disconnected-timeout-minutes session-preflight-script session-create-public-folder
        session-create-profile session-rprofile-on-resume-default session-save-action-default session-default-working-dir
        session-default-new-project-dir show-help-home session-default-console-term session-default-clicolor-force
        session-quit-child-processes-on-exit session-first-project-template-path default-rsconnect-server terminal-port
        websocket-ping-seconds websocket-connect-timeout session-root-path session-use-secure-cookies session-same-site
        restrict-directory-view directory-view-allow-list session-port-range session-ephemeral-env-vars
        session-suspend-on-incomplete-statement session-use-file-storage allow-vcs-executable-edit
        allow-r-cran-repos-edit allow-vcs allow-package-installation allow-shell allow-terminal-websockets
        allow-file-downloads allow-file-uploads allow-remove-public-folder allow-rpubs-publish allow-external-publish
        allow-publish allow-presentation-commands allow-full-ui allow-launcher-jobs allow-over-limit-sessions
        abort-free-mem-percent r-core-source r-modules-source r-libs-user r-cran-repos r-cran-repos-file r-cran-repos-url
        r-auto-reload-source r-resources-path r-doc-dir-override r-restore-workspace r-run-rprofile
        limit-file-upload-size-mb limit-cpu-time-minutes limit-xfs-disk-quota external-pandoc-path external-quarto-path
        copilot-enabled copilot-proxy-url copilot-proxy-strict-ssl launcher-token
    )],
);

sub read_options {
    my ($program, $file, @words) = @_;
    my %allowed = map { $_ => 1 } @{ $known{$program} };
    my %options;
    my $take = sub {
        my ($name, $value) = @_;
        $allowed{$name} or fail($program, "unrecognised option '$name'");
        $options{$name} = $value;
    };
    if (-e $file) {
        open my $lines, '<', $file or fail($program, "$file: $!");
        while (my $line = <$lines>) {
            $line =~ s/#.*|\s+$//gs;
            next if $line eq '';
            $line =~ /^\s*([^=\s]+)\s*=\s*(.*)$/ or fail($program, "invalid line '$line' in $file");
            $take->($1, $2);
        }
    }
    while (defined(my $word = shift @words)) {
        if ($word =~ /^--([^=]+)=(.*)$/s) { $take->($1, $2) }
        elsif ($word =~ /^--(.+)$/) { $take->($1, shift @words) }
        elsif ($word =~ /^-[ups]$/) { shift @words }
        else { fail($program, "too many positional options: '$word'") }
    }
    return %options;
}

# Where logging.conf says, or else where a server goes that is not root's: a file in the home.
sub say_of {
    my ($program, $text) = @_;
    my $line = "[$program stand-in] $text\n";
    if (open my $settings, '<', '/etc/rstudio/logging.conf') {
        local $/;
        return print STDERR $line if <$settings> =~ /^logger-type=stderr$/m;
    }
    my $folder = "$ENV{HOME}/.local/share/rstudio/log";
    system 'mkdir', '-p', $folder;
    if (open my $log, '>>', "$folder/$program.log") { print $log $line }
}

sub fail { say_of($_[0], "ERROR $_[1]"); exit 1 }

1;
