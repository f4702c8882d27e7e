{{- /* Inside the cluster browsers and programs call it by the service's names. */ -}}
{{- define "emotalk.webHosts" -}}
{{- $name := include "emotalk.fullname" . -}}
{{- $inside := printf "%s.%s" $name .Release.Namespace -}}
{{- join "," (concat (list $name $inside (printf "%s.svc" $inside) (printf "%s.svc.cluster.local" $inside)) .Values.servers.web.hosts) -}}
{{- end -}}

{{- /* Kubernetes' own gRPC probe speaks no TLS. */ -}}
{{- define "emotalk.ready" -}}
{{- $tls := .Values.servers.tls -}}
{{- if $tls.secret -}}
exec:
  command:
    - emotalk
    - health
    - localhost:50051
    - --tls-ca=/etc/emotalk/tls/{{ $tls.caKey }}
    - --tls-server-name={{ default (printf "%s.%s.svc" (include "emotalk.fullname" .) .Release.Namespace) $tls.serverName }}
    {{- if $tls.clientCaSecret }}
    - --tls-cert=/etc/emotalk/probe/tls.crt
    - --tls-key=/etc/emotalk/probe/tls.key
    {{- end }}
{{- else -}}
grpc: {port: 50051}
{{- end -}}
{{- end -}}
