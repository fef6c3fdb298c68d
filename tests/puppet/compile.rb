# Compiles one node's catalog with the installed Puppet and prints its resources as JSON, sorted: what a Puppet server does for an agent
# with a certificate, and what `puppet apply` does without one.
#
# compile.rb DIRECTORY CERTNAME ENVIRONMENT ENVIRONMENTPATH HIERA_CONFIG [ROLE EXTERNAL_NODES]
require 'json'
require 'puppet'

directory, certname, environment, path, hiera, role, enc = ARGV
settings = [
  '--confdir', "#{directory}/conf", '--vardir', "#{directory}/var", '--codedir', "#{directory}/code", '--publicdir', "#{directory}/public",
  '--rundir', "#{directory}/run", '--logdir', "#{directory}/log", '--ssldir', "#{directory}/ssl",
  '--certname', certname, '--environment', environment, '--environmentpath', path, '--hiera_config', hiera
]
settings += ['--node_terminus', 'exec', '--external_nodes', enc] if enc
Puppet.initialize_settings(settings)
Puppet::Util::Log.newdestination(:console)
Puppet::Util::Log.level = :warning

loader = Puppet::Environments::Cached.new(Puppet::Environments::Directories.new(path, []))
trusted = Puppet::Context::TrustedInformation.new('remote', certname, role ? { 'pp_role' => role } : {})
Puppet.override(environments: loader, trusted_information: trusted) do
  facts = Puppet::Node::Facts.new(certname, 'os' => { 'family' => 'RedHat' })
  Puppet::Node::Facts.indirection.terminus_class = :memory
  Puppet::Node::Facts.indirection.save(facts)
  node = Puppet::Node.indirection.find(certname, environment: environment)
  node.environment = loader.get!(node.environment_name || environment)
  node.merge(facts.values)
  node.trusted_data = trusted.to_h
  catalog = Puppet::Parser::Compiler.compile(node)
  resources = catalog.resources.map do |resource|
    parameters = resource.to_hash.map { |name, value| [name.to_s, value.to_s] }.sort
    [resource.ref, parameters]
  end
  puts JSON.pretty_generate('environment' => node.environment.name, 'resources' => resources.sort)
end
