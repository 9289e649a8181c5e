/** What programs are written, built, run as source, stored and served with. */

export const DEVELOPMENT = `
code, code-insiders, code - insiders, code - oss, code-oss, code-server, code-tunnel, vscode, visual studio code
visual studio code - insiders, electron, codium, vscodium, codium-insiders, cursor, cursor helper, windsurf, trae
positron, theia, theia ide, pearai, kiro, antigravity, zed, zed-editor, zeditor, zed-editor-bin, lapce, lite-xl, atom
atom helper, brackets, sublime_text, sublime text, subl, plugin_host, plugin_host-3.3, plugin_host-3.8
crash_handler_sublime, sublime_merge, sublime merge
idea, idea64, intellij idea, intellij idea ce, intellij idea ultimate, intellij idea community edition, pycharm
pycharm64, pycharm ce, pycharm community edition, pycharm professional edition, webstorm, webstorm64, phpstorm
phpstorm64, clion, clion64, goland, goland64, rubymine, rubymine64, rider, rider64, jetbrains rider, rider.backend
datagrip, datagrip64, dataspell, dataspell64, rustrover, rustrover64, appcode, aqua64, writerside, fleet
jetbrains-toolbox, jetbrains toolbox, jetbrains gateway, gateway64, fsnotifier, fsnotifier64, jetbrainsd
remote-dev-server, dotpeek64, dotmemory64, dottrace64, resharperautomationtools, android studio, studio64
android-studio, studio.sh
devenv, visual studio, visual studio for mac, servicehub.host.dotnet.x64, servicehub.host.clr.x64
servicehub.roslyncodeanalysisservice, servicehub.identityhost, servicehub.indexingservice, servicehub.settingshost
servicehub.vsdetouredhost, servicehub.intellicodemodelservice, servicehub.threadedwaitdialog, perfwatson2, vshost
vbcscompiler, msbuild, msbuildtaskhost, mspdbsrv, vctip, vcpkgsrv, devhub, vsls-agent, iisexpress, iisexpresstray
testhost, vstest.console, nuget, csc, vbc, fsc, fsi, fsiautocomplete, ilasm, ildasm, nmake, rc, midl, blend, ssms
azuredatastudio, azure data studio, sqlservr, sqlagent, sqlwriter, sqlbrowser, sqlcmd, sqlceip, localdb, xsp4
eclipse, eclipsec, myeclipse, netbeans, netbeans64, apache netbeans, sts, springtoolsuite4, jdeveloper, bluej
greenfoot, drjava, jgrasp, xcode, xcodebuild, xctest, xcrun, sourcekitservice, sourcekit-lsp, com.apple.dt.skagent
coresimulatorservice, com.apple.coresimulator.coresimulatorservice, coresimulatorbridge, swift, swiftc, swift-frontend
swift-build, swift-package, swift-driver, lldb-rpc-server, ibtool, ibtoold, actool, filemerge, accessibility inspector
dsymutil, swiftlint, coda 2, bbedit, textmate, coteditor, rapidapi, proxyman, kaleidoscope, gitup, sourcetree
gitkraken, github desktop, githubdesktop, github-desktop, gitahead, gittyup, smartgit, smartgithg, gitextensions
tortoisegitproc, tortoiseproc, tgitcache, tsvncache, git-cola, gitg, gitk, git-gui, qgit, giggle, gitfiend, gitbutler
lazygit, gitui, tig, ungit, meld, kdiff3, kompare, diffuse, winmergeu, winmerge, bcompare, bcompare4, beyond compare
p4merge, p4v, p4vc, p4, p4d, araxis merge, diffmerge
git, git-remote-https, git-remote-http, git-remote-ssh, git-lfs, git-daemon, git-upload-pack, git-receive-pack
git-credential-manager, git-credential-manager-core, git-credential-osxkeychain, git-credential-libsecret, git-bash
git-cmd, git-maintenance, git-shell, git-http-backend, scalar, hg, svn, svnserve, svnadmin, bzr, brz, fossil, darcs
cvs, rcs, jj, pijul, gh, glab, gitea, forgejo, gitlab-runner, gitlab-workhorse, gitaly, gitolite, gerrit, pre-commit
lefthook, commitizen
vim, nvim, vi, gvim, vimdiff, rvim, ex, neovim, neovide, nvim-qt, macvim, vimr, emacs, emacs-gtk, emacs-nox, emacs-x11
emacsclient, emacs-lucid, aquamacs, xemacs, spacemacs, doom-emacs, helix, hx, kak, kakoune, micro, nano, pico, joe
jed, ne, mcedit, ed, amp, zile, mg, jove, vile, dte, kate, kwrite, gedit, geany, bluefish, pluma, xed, mousepad
leafpad, l3afpad, featherpad, gnome-text-editor, gnome-builder, kdevelop, qtcreator, qt creator, codeblocks, codelite
anjuta, monodevelop, arduino, arduino ide, arduino-ide, arduino-cli, platformio, pio, thonny, mu-editor, idle3, spyder
wing-101, komodo, kdevelop-session, ninja-ide, eric6, eric7, lazarus, lazarus-ide, fpc, delphi, bds, dcc32, rstudio
rstudio-bin, rsession, rserver, rsw, notepad++, notepadplusplus, notepadqq, notepad-next, ultraedit, uedit64, editplus
editpadlite, emeditor, pspad, textpad, scite, aptana, coda2, light table, lighttable, dr.racket, drracket, racket
squeak, pharo, gtoolkit
gcc, g++, cc, c++, cc1, cc1plus, cc1obj, collect2, lto1, lto-wrapper, lto-dump, as, ld, ld.gold, ld.bfd, ld.lld, lld
ld64.lld, lld-link, mold, ar, ranlib, nm, objdump, objcopy, readelf, addr2line, gcov, gprof, gdb, gdbserver
gdb-multiarch, cgdb, ddd, lldb, lldb-server, lldb-mi, lldb-vscode, lldb-dap, clang, clang++, clang-cl, clangd
clang-format, clang-tidy, clang-check, clang-query, llc, llvm-ar, llvm-config, llvm-profdata, llvm-cov, bpftool
bpftrace, bcc, ecpg, cpp, cppcheck, valgrind, memcheck-amd64-linux, memcheck-amd64-, callgrind-amd64-linux
massif-amd64-linux, heaptrack, heaptrack_gui, kcachegrind, massif-visualizer, perf, strace, ltrace, rr, uftrace
hotspot, sysprof, sysprofd, sysprof-cli, sccache, ccache, distcc, distccd, icecc, iceccd, icecream, intercept-build
include-what-you-use, iwyu, afl-fuzz, honggfuzz, radamsa, tcc, pcc, icc, icx, ifort, ifx, gfortran, f951, flang
flang-new, gnat, gnatmake, gnat1, gprbuild, gdc, dmd, ldc2, dub, rdmd, nasm, yasm, fasm, tasm, masm, ml64, jwasm, nvcc
cicc, ptxas, nsys, nsight-sys, ncu, cuda-gdb, hipcc, icpx, dpcpp, emcc, em++, wasm-opt, wasm-ld, wasm-pack
wasm-bindgen, wasm2wat, wat2wasm, wasmtime, wasmer, wasmedge, wazero
make, gmake, cmake, cmake-gui, ccmake, cpack, ctest, ninja, ninja-build, samu, meson, muon, scons, waf, bazel
bazelisk, blaze, buck, buck2, pants, plz, gn, premake5, xmake, qmake, moc, uic, rcc, automake, autoconf, autoreconf
aclocal, libtool, libtoolize, m4, pkg-config, pkgconf, bison, yacc, flex, lex, re2c, swig, protoc, protoc-gen-go
protoc-gen-grpc, buf, thrift, flatc, capnp, grpcurl, grpc_cpp_plugin, doxygen, sphinx-build, mkdocs, hugo, jekyll
gatsby, eleventy, mdbook, asciidoctor, antora, pandoc, xelatex, pdflatex, lualatex, latexmk, tectonic, typst, tinymist
texlab, rake, tup, redo, conan, vcpkg, spack, nix, nix-daemon, nix-build, nix-shell, nix-store, nix-env, guix
guix-daemon, devbox, direnv, asdf, mise, rtx, dpkg-buildpackage, debuild, sbuild, pbuilder, lintian, dh, fakeroot
faked, faked-sysv, rpmbuild, makepkg, flatpak-builder, snapcraft, appimagetool, fpm, ostree, bst
python, pythonw, python2, python3, py, pyw, pypy, pypy3, ipython, ipython3, jupyter, jupyter-notebook, jupyter-notebo
jupyterhub, jupyter-server, jupyterlab, jupyterlab-desktop, ipykernel_launcher, bpython, ptpython, pip, pip3, pipx, uv
uvx, poetry, pdm, hatch, pipenv, virtualenv, tox, nox, conda, mamba, micromamba, anaconda, anaconda-navigator, pyenv
rye, pixi, pytest, mypy, dmypy, pyright, pyright-langserver, basedpyright, pylsp, pyls, jedi-language-server, ruff
ruff-lsp, blackd, flake8, pylint, isort, bandit, gunicorn, uvicorn, hypercorn, daphne, celery, celerybeat, airflow
dagster, prefect, dbt, django-admin, flask, streamlit, gradio, scrapy, cython, numba, raylet, gcs_server
dask-scheduler, dask-worker, mlflow, tensorboard, wandb, ansible, ansible-playbook, ansible-galaxy, ansible-pull
molecule, salt-master, salt-minion, salt-call, fab, locust
node, nodejs, node_modules, npm, npx, pnpm, yarn, yarnpkg, corepack, bun, bunx, deno, volta, volta-shim, fnm, nvm
nodemon, pm2, ts-node, tsx, tsc, tsserver, tsgo, typescript-language-server, esbuild, swc, vite, webpack, webpack-cli
webpack-dev-server, rollup, parcel, turbo, turbopack, nx, lerna, rush, gulp, grunt, bower, babel, babel-node, eslint
eslint_d, oxlint, oxfmt, biome, prettier, prettierd, stylelint, jest, vitest, mocha, cypress, playwright, chromedriver
geckodriver, msedgedriver, operadriver, safaridriver, selenium-server, appium, next-server, nuxt, nuxi, astro
svelte-kit, ng, vue-cli-service, expo, react-native, capacitor, cordova, ionic, tauri, cargo-tauri, nw, nwjs
neutralino, node-gyp, ndb, verdaccio, http-server, live-server, browser-sync, json-server, wrangler, workerd
miniflare, vercel, netlify, firebase, firebase-tools, hardhat, truffle, ganache, solc, geth
java, javaw, javac, javadoc, javap, jar, jshell, jps, jstack, jmap, jcmd, jstat, jstatd, jconsole, jvisualvm, visualvm
jmc, jlink, jpackage, jdb, keytool, rmiregistry, java_vm, javaws, jp2launcher, jusched, jucheck, jaureg, jaotc
native-image, gu, kotlin, kotlinc, kotlinc-jvm, kotlin-language-server, kotlin-lsp, groovy, groovysh, scala, scalac
scala-cli, sbt, sbtn, metals, bloop, coursier, mill, gradle, gradlew, gradlew.bat, mvn, mvnd, mvnw, maven, ivy, lein
clojure, clj, bb, babashka, clj-kondo, clojure-lsp, jdtls, jenkins, tomcat, tomcat9, catalina, jsvc, jetty, wildfly
glassfish, payara, weblogic, websphere, solr, zookeeper, kafka, cassandra, elasticsearch, elasticsearch-service-x64
opensearch, kibana, logstash, activemq, artemis, nifi, hadoop, spark-submit, spark-shell, pyspark, flink, trino
presto, hive, hbase, sonarqube, sonar-scanner, artifactory, neo4j, soapui, jmeter, dbvis
go, gofmt, gopls, dlv, godoc, goimports, golangci-lint, staticcheck, compile, cgo, goreleaser, gore, tinygo, ko
cobra-cli, rustc, cargo, rustup, rustup-init, rustfmt, rust-analyzer, rust-analyzer-proc-macro-srv, rust-gdb
rust-lldb, rls, clippy-driver, cargo-clippy, cargo-watch, bacon, miri, cbindgen, bindgen, maturin, diesel, sqlx, zig
zls, zigup, nim, nimble, nimlsp, nimsuggest, crystal, shards, vlang, odin, ols, jai, gleam, ghc, ghci, ghcup, runghc
runhaskell, cabal, haskell-language-server, haskell-language-server-wrapper, hls, hlint, hoogle, ocaml, ocamlc
ocamlopt, ocamlfind, ocamllsp, opam, dune, utop, esy, rescript, elm, elm-format, purs, spago, idris2, agda, elan, coqc
coqtop, coqide, rocq, isabelle, z3, cvc5, tla2tools, erl, erlc, beam, beam.smp, erl_child_setup, inet_gethost, epmd
rebar3, elixir, elixirc, iex, elixir-ls, livebook, lua, luac, luajit, luarocks, lua-language-server, love, ruby, irb
rubyw, bundle, bundler, rails, sidekiq, resque, rbenv, rvm, chruby, solargraph, ruby-lsp, rubocop, jruby, truffleruby
perl, perl5, perldoc, cpan, cpanm, plenv, prove, raku, moarvm, rakudo, starman, php, php-cgi, php-fpm, php8, phpize
composer, phpunit, phpstan, psalm, intelephense, phpactor, artisan, symfony, drush, wp, wp-cli, hhvm, r, rscript
rterm, rgui, julia, julia-language-server, octave, octave-cli, octave-gui, matlab, mathworksservicehost, matlabwindow
scilab, scilab-cli, maxima, wxmaxima, dart, dartvm, dartaotruntime, flutter, flutter_tester, fvm, dotnet, mono
mono-sgen, mcs, csharp, omnisharp, microsoft.codeanalysis.languageserver, netcoredbg, pwsh-preview, powershell_ise
tclsh, wish, expect, sbcl, ecl, clisp, ccl, abcl, roswell, guile, chicken, csi, gambit, gsc, gsi, chez, chezscheme
scheme, mit-scheme, swipl, gprolog, gforth, apl, dyalog, kona, gnat-gps, cobc, gnucobol
docker, dockerd, docker-proxy, docker-compose, docker-buildx, docker-init, docker-credential-desktop
docker-credential-secretservice, docker-credential-osxkeychain, com.docker.backend, com.docker.build
com.docker.vmnetd, com.docker.service, com.docker.virtualization, com.docker.hyperkit, com.docker.extensions
com.docker.dev-envs, com.docker.cli, com.docker.diagnose, docker desktop, docker desktop backend, dockerdesktop
docker-desktop, vpnkit, vpnkit-bridge, rootlesskit, slirp4netns, containerd, containerd-shim, containerd-shim-runc-v2
containerd-stress, ctr, nerdctl, buildkitd, buildctl, buildah, podman, podman desktop, podman-desktop, podman-compose
podman-mac-helper, gvproxy, conmon, crun, runc, youki, runsc, kata-runtime, skopeo, orbstack, orbstack helper, colima
lima, limactl, rancher-desktop, rancher desktop, ctop, lazydocker, hadolint, kaniko, earthly, dagger, dagger-engine
act_runner, devpod, devcontainer, distrobox, toolbox, lxc, lxd, lxcfs, incus, incusd, lxd-agent
kubectl, kubelet, kube-proxy, kube-apiserver, kube-controller-manager, kube-controller, kube-scheduler, kubeadm, k3s
k3s-server, k3s-agent, k3d, k0s, minikube, microk8s, kubelite, k9s, openlens, helm, helmfile, kustomize, skaffold
telepresence, stern, kubectx, kubens, argocd, argocd-server, etcd, etcdctl, coredns, calico-node, cilium, cilium-agent
hubble, flanneld, istioctl, pilot-agent, pilot-discovery, linkerd, linkerd2-proxy, traefik, oc, crc, eksctl, gcloud
gsutil, bq, aws, aws-vault, aws_completer, az, azd, doctl, flyctl, heroku, terraform, terraform-ls
terraform-provider-aws, terragrunt, opentofu, tofu, pulumi, pulumi-language-nodejs, packer, packer-plugin-amazon
vagrant, vault, nomad, chef-client, chef-solo, knife, inspec, puppet, puppetserver, pxp-agent, cfn-lint, serverless
localstack, cdk, cdktf, cloud-sql-proxy, cloud_sql_proxy, teleport, tsh, tctl, buildkite-agent, circleci
circleci-agent, drone-runner-docker, woodpecker-agent, woodpecker-server, runner.listener, runner.worker
agent.listener, agent.worker, teamcity, teamcityservice, bamboo, concourse, spinnaker, jenkins-agent
postgres, postgresql, postmaster, psql, pg_ctl, pg_dump, pg_restore, pg_basebackup, pg_ctlcluster, pgbouncer, pgpool
pgadmin, pgadmin4, postico, postico 2, patroni, pgcli, mysql, mysqld, mysqld_safe, mysqldump, mysqladmin
mysql-workbench, mysql workbench, mysqlworkbench, mysql-workbench-bin, mysqlsh, mycli, mariadb, mariadbd
mariadbd-safe, mariadb-dump, sequel ace, sequel pro, tableplus, dbeaver, dbeaver-ce, dbeaver-cli, dbgate
beekeeper-studio, beekeeper studio, heidisql, navicat, navicat premium, dbschema, sqlitebrowser, db browser for sqlite
sqlite3, sqlitestudio, litecli, duckdb, mongod, mongos, mongo, mongosh, mongodump, mongodb compass, mongodbcompass
mongodb-compass, studio 3t, robo3t, nosqlbooster, redis-server, redis-cli, redis-sentinel, redis-benchmark
valkey-server, valkey-cli, keydb-server, dragonfly, redisinsight, another redis desktop manager, medis, memcached
couchdb, couchbase, influxd, influx, telegraf, clickhouse, clickhouse-server, clickhouse-client, cockroach
tidb-server, tikv-server, pd-server, rethinkdb, arangod, orientdb, scylla, victoria-metrics, questdb, timescaledb
surreal, meilisearch, typesense-server, qdrant, weaviate, milvus, pocketbase, supabase, hasura, postgrest, prisma
query-engine, schema-engine, minio, rabbitmq-server, rabbitmqctl, nats-server, nats, mosquitto, mosquitto_pub
mosquitto_sub, emqx, vernemq, pulsar-admin, nsqd, beanstalkd, gearmand, temporal, temporal-server
nginx, httpd, apache2, apache, apachectl, caddy, lighttpd, haproxy, varnishd, squid, h2o, litespeed, openlitespeed
w3wp, inetinfo, unicorn, uwsgi, traefik-ee, angie, openresty, tengine, hitch, nginx-ingress-controller, nginx-debug
xampp, xampp-control, mamp, mamp pro, wampmanager, laragon, ddev, lando, ngrok, localtunnel, cloudflared, frpc, frps
bore, zrok, grafana, grafana-server, prometheus, node_exporter, alertmanager, pushgateway, blackbox_exporter, cadvisor
promtail, thanos, jaeger, jaeger-all-in-one, zipkin, otelcol, otelcol-contrib, fluentd, fluent-bit, filebeat
metricbeat, packetbeat, auditbeat, sentry-cli, statsd
postman, postman agent, postman-agent, hoppscotch, httpie, http, httpyac, yaak, thunder client, kreya, bloomrpc
altair graphql client, graphiql, graphql playground, burpsuite, burp suite community edition, burp suite professional
burpsuitepro, burpsuitecommunity, zaproxy, owasp zap, zap, mitmproxy, mitmdump, mitmweb, fiddler, fiddler everywhere
fiddler.webui, wiremock, mockoon, hurl, k6, wrk, ab, vegeta, siege, h2load, gatling, sqlmap, ghidra, ghidrarun, ida
ida64, idaq, idaq64, ida pro, x64dbg, x32dbg, ollydbg, windbg, windbgx, dbgx.shell, cdb, kd, immunitydebugger, radare2
r2, rizin, iaito, binaryninja, hopper, hopper disassembler v4, jadx, jadx-gui, jd-gui, apktool, dnspy, ilspy, frida
frida-server, frida-helper-32, objection, msfconsole, imhex, hxd, 010editor, hex fiend, ghex, okteta, bless
wxhexeditor
unity, unity hub, unityhub, unityhub-bin, unity.licensing.client, unityshadercompiler, unitypackagemanager
unityaccelerator, unrealeditor, unrealeditor-cmd, ue4editor, ue4editor-cmd, unrealbuildtool, unreallightmass
shadercompileworker, unrealversionselector, livecodingconsole, crashreportclienteditor, godot, godot4, godot-mono
godot_console, gamemaker, gamemaker studio 2, gamemakerstudio2, construct3, defold, defold-editor, cocos creator
cocoscreator, gdevelop, gdevelop 5, rpg maker mz, rpgmv, rpgmz, renpy, tiled, ldtk, blockbench, texturepacker
renderdoc, renderdoccmd, qrenderdoc, nsight, apitrace, adb, fastboot, aapt, aapt2, d8, r8, emulator64-crash-service
qemu-system-x86_64-headless, netsimd, scrcpy, genymotion, genymotion-shell, ollama, ollama app, ollama_llama_server
llama-server, llama-cli, vllm, comfyui, claude-code, opencode, gemini-cli, copilot-language-server, github copilot
copilot-cli, tabnine, wpr-tabnine, codeium, language_server_linux_x64, language_server_windows_x64
language_server_macos_arm, cody, continue-binary, supermaven, kicad, pcbnew, eeschema, gerbview, altium, fritzing
ltspice, xviix64, ngspice, qucs, qucs-s, logisim, verilator, iverilog, vvp, gtkwave, yosys, nextpnr-ice40
openfpgaloader, vivado, quartus, modelsim, vsim, ghdl, openocd, jlinkexe, jlinkgdbserver, st-util, stm32cubeide
stm32cubeprogrammer, stm32_programmer_cli, avrdude, esptool, esptool.py, idf.py, minicom, picocom, cutecom, gtkterm
tio
`;
