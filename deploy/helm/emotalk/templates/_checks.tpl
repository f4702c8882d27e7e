{{- /* What a schema cannot say: values that do not fit each other. Each sentence names the value and the fix. */ -}}
{{- define "emotalk.checks" -}}
{{- if not .Values.kafka.servers -}}
{{- fail "kafka.servers: no broker is named. Give host:port of one or more, e.g. --set kafka.servers={kafka:9092}." -}}
{{- end -}}
{{- range $name, $value := .Values.kafka.options -}}
{{- if regexMatch "password|secret|[.]pem$|^ssl_key$|oauthbearer[.]config|jaas" $name -}}
{{- fail (printf "kafka.options: %s is a secret. Put it into the Secret that kafka.config.secret names." $name) -}}
{{- end -}}
{{- end -}}
{{- $sasl := .Values.kafka.sasl -}}
{{- if and $sasl.mechanism (not $sasl.secret) -}}
{{- fail (printf "kafka.sasl.secret: %s needs a Secret with user name and password. Name it." $sasl.mechanism) -}}
{{- end -}}
{{- if and $sasl.secret (not $sasl.mechanism) -}}
{{- fail "kafka.sasl.mechanism: a Secret is named and no mechanism. Use PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512." -}}
{{- end -}}
{{- if and (or .Values.kafka.tls.caSecret .Values.kafka.tls.certSecret) (not .Values.kafka.tls.enabled) -}}
{{- fail "kafka.tls.enabled: a Secret of certificates is named and TLS is off. Set it to true." -}}
{{- end -}}
{{- $tls := .Values.servers.tls -}}
{{- if and $tls.clientCaSecret (not $tls.secret) -}}
{{- fail "servers.tls.secret: there is no mutual TLS without a certificate of the server. Name its Secret." -}}
{{- end -}}
{{- if and $tls.clientCaSecret (not $tls.probeSecret) -}}
{{- fail "servers.tls.probeSecret: with mutual TLS the probes need a certificate as well. Name its Secret." -}}
{{- end -}}
{{- $scale := .Values.servers.autoscaling -}}
{{- if and $scale.enabled (gt (int $scale.minReplicas) (int $scale.maxReplicas)) -}}
{{- fail "servers.autoscaling.minReplicas: is more than maxReplicas. Lower it." -}}
{{- end -}}
{{- $keda := .Values.workers.keda -}}
{{- if $keda.enabled -}}
{{- if gt (int $keda.minReplicas) (int $keda.maxReplicas) -}}
{{- fail "workers.keda.minReplicas: is more than maxReplicas. Lower it." -}}
{{- end -}}
{{- if gt (int $keda.fallback.replicas) (int $keda.maxReplicas) -}}
{{- fail "workers.keda.fallback.replicas: is more than maxReplicas. Lower it." -}}
{{- end -}}
{{- end -}}
{{- $most := ternary $keda.maxReplicas .Values.workers.replicas $keda.enabled -}}
{{- if gt (int $most) (int .Values.kafka.partitions) -}}
{{- fail (printf "kafka.partitions: %d workers share %d partitions, so some would stand by. Raise it to %d or more." (int $most) (int .Values.kafka.partitions) (int $most)) -}}
{{- end -}}
{{- end -}}
