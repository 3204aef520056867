package main

import (
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	accessbrokerv1 "github.com/access-broker/access-broker/gen/go/accessbroker/v1"
)

var _ func(grpc.ClientConnInterface) accessbrokerv1.AccessBrokerServiceClient = accessbrokerv1.NewAccessBrokerServiceClient

func main() {
	fmt.Println(protojson.Format(&accessbrokerv1.IssueUploadUrlRequest{
		Key:           "tier 1/a",
		Ttl:           durationpb.New(time.Minute),
		ContentLength: proto.Uint64(5),
		Checksum:      &accessbrokerv1.Checksum{Value: &accessbrokerv1.Checksum_Crc32{Crc32: []byte{0, 0, 0, 1}}},
		Metadata:      map[string]string{"n": "v"},
	}))
}
